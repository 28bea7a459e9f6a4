import { settlesWithin } from "./clock.ts";
import type { RunState } from "./run_state.ts";

/** However late it is, what is free at once counts as freed. */
const LEAST_MILLISECONDS = 300;

/**
 * Whether freeing something settles in the time that it is given; a failure counts as settled. After
 * a stop all that is freed has the same deadline, however much of it there is: the grace of what
 * was going on and the hurried time. It holds also where the stop comes while this is waiting.
 *
 * @example
 * ```ts
 * import { systemClock } from "./clock.ts";
 * import { RUN_LIMITS } from "./limits.ts";
 * import { freedInTime } from "./freed_in_time.ts";
 * const stop = new AbortController().signal;
 * const options = { clock: systemClock, limits: RUN_LIMITS, stop, stoppedAt: () => undefined };
 * if (!await freedInTime(Promise.resolve(), options)) throw new Error("It was free already");
 * ```
 */
export async function freedInTime(
  freeing: Promise<unknown>,
  { clock, limits, stop, stoppedAt }: Pick<RunState, "clock" | "limits" | "stop" | "stoppedAt">,
): Promise<boolean> {
  const done = new AbortController();
  const hurry = new AbortController();
  stop.addEventListener("abort", () => hurry.abort(), { signal: done.signal });
  if (stop.aborted) hurry.abort();

  const settled = freeing.then(() => true, () => true);
  const calm = clock.sleep(limits.disposalMilliseconds, hurry.signal).then(() => false);
  const first = await Promise.race([settled, calm]);
  done.abort();
  hurry.abort();
  if (first || !stop.aborted) return first;
  const deadline = (stoppedAt() ?? clock.now()) + limits.graceMilliseconds +
    limits.hurriedDisposalMilliseconds;
  const left = Math.max(LEAST_MILLISECONDS, deadline - clock.now());
  return await settlesWithin(freeing, left, clock);
}
