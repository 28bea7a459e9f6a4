import { type Clock, settlesWithin } from "./clock.ts";
import type { RunLimits } from "./limits.ts";

/** How long freeing is waited for. */
export interface PatienceOptions {
  readonly clock: Clock;
  readonly limits: Pick<RunLimits, "disposalMilliseconds" | "hurriedDisposalMilliseconds">;
  /** Once it fires, there is only the hurried time left. */
  readonly stop: AbortSignal;
}

/**
 * Whether freeing something settles before patience runs out; a failure counts as settled. After
 * a stop there is less patience, also where the stop comes while it is waited for.
 *
 * @example
 * ```ts
 * import { systemClock } from "./clock.ts";
 * import { RUN_LIMITS } from "./limits.ts";
 * import { freedInTime } from "./patience.ts";
 * const stop = new AbortController().signal;
 * const options = { clock: systemClock, limits: RUN_LIMITS, stop };
 * if (!await freedInTime(Promise.resolve(), options)) throw new Error("It was free already");
 * ```
 */
export async function freedInTime(
  freeing: Promise<unknown>,
  { clock, limits, stop }: PatienceOptions,
): Promise<boolean> {
  const done = new AbortController();
  const hurry = new AbortController();
  stop.addEventListener("abort", () => hurry.abort(), { signal: done.signal });
  done.signal.addEventListener("abort", () => hurry.abort());
  if (stop.aborted) hurry.abort();

  const settled = freeing.then(() => true, () => true);
  const calm = clock.sleep(limits.disposalMilliseconds, hurry.signal).then(() => false);
  const first = await Promise.race([settled, calm]);
  done.abort();
  if (first || !stop.aborted) return first;
  return await settlesWithin(freeing, limits.hurriedDisposalMilliseconds, clock);
}
