/** Time as the experiment sees it, so that tests can decide how much of it has passed. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Resolves after `milliseconds`, or as soon as `signal` fires; never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * The machine's own monotonic clock.
 *
 * @example
 * ```ts
 * import { systemClock } from "./clock.ts";
 * const before = systemClock.now();
 * await systemClock.sleep(1);
 * if (systemClock.now() < before) throw new Error("A monotonic clock went back");
 * ```
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  sleep(milliseconds, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, milliseconds);
      signal?.addEventListener("abort", finish);
    });
  },
};

/**
 * Whether `work` settles within `milliseconds`. Its failure counts as settled: who calls this has
 * no use for the result.
 *
 * @example
 * ```ts
 * import { settlesWithin, systemClock } from "./clock.ts";
 * if (!await settlesWithin(Promise.resolve(), 100, systemClock)) throw new Error("It settled");
 * ```
 */
export async function settlesWithin(
  work: Promise<unknown>,
  milliseconds: number,
  clock: Clock,
): Promise<boolean> {
  const timer = new AbortController();
  const settled = work.then(() => true, () => true);
  const late = clock.sleep(milliseconds, timer.signal).then(() => false);
  const answer = await Promise.race([settled, late]);
  timer.abort();
  return answer;
}

/**
 * Whether `work` settles before `signal` fires. Its failure counts as settled, and is heard of by who
 * then awaits it.
 *
 * @example
 * ```ts
 * import { settlesBefore } from "./clock.ts";
 * const stop = new AbortController();
 * if (!await settlesBefore(Promise.resolve(), stop.signal)) throw new Error("It settled");
 * stop.abort();
 * if (await settlesBefore(new Promise(() => {}), stop.signal)) throw new Error("It never does");
 * ```
 */
export async function settlesBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const done = new AbortController();
  const settled = work.then(() => true, () => true);
  const aborted = new Promise<boolean>((resolve) => {
    if (signal.aborted) return resolve(false);
    signal.addEventListener("abort", () => resolve(false), { signal: done.signal });
  });
  const answer = await Promise.race([settled, aborted]);
  done.abort();
  return answer;
}

/**
 * Milliseconds to the microsecond, as events tell them.
 *
 * @example
 * ```ts
 * import { rounded } from "./clock.ts";
 * if (rounded(0.1 + 0.2) !== 0.3) throw new Error("Three decimals");
 * ```
 */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
