import { type Clock, settlesWithin } from "../clock.ts";
import type { RunLimits } from "../limits.ts";

/** How a supervised operation ended. */
export type Outcome<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "failed"; readonly error: unknown }
  | Interrupted<"stalled">
  | Interrupted<"aborted">;

/** An operation that was asked to end before it was done. */
interface Interrupted<Kind extends string> {
  readonly kind: Kind;
  /** Whether it ended within the grace it was given. */
  readonly settled: boolean;
  /** Resolves once it has ended and what it made late has been discarded; never rejects. */
  readonly rest: Promise<void>;
}

/** How an operation of the engine is watched over. */
interface WatchdogOptions<Value> {
  readonly clock: Clock;
  /** Fires when the operation is no longer wanted. */
  readonly signal: AbortSignal;
  readonly limits: Pick<RunLimits, "stallMilliseconds" | "graceMilliseconds">;
  /** Frees what was made by an operation that nobody waits for any more. */
  readonly discard?: (value: Value) => Promise<void>;
}

/** How often the clock is looked at before silence counts as a stall. */
const LOOKS = 10;

/**
 * Runs one operation of the engine under a watchdog: it is asked to end when `signal` fires or
 * when it gives no sign of life (`alive()`) for too long, and is left behind if it doesn't listen.
 * Never rejects, so that nothing the engine does can become an unhandled rejection.
 */
export async function withWatchdog<Value>(
  operation: (signal: AbortSignal, alive: () => void) => Promise<Value>,
  options: WatchdogOptions<Value>,
): Promise<Outcome<Value>> {
  const { clock, limits, signal } = options;
  if (signal.aborted) return { kind: "aborted", settled: true, rest: Promise.resolve() };

  let lastSign = clock.now();
  const inner = new AbortController();
  const watching = new AbortController();
  const work = Promise.resolve().then(() =>
    operation(inner.signal, () => {
      lastSign = clock.now();
    })
  );
  const ended = work.then(
    (value) => ({ kind: "done", value } as const),
    (error: unknown) => ({ kind: "failed", error } as const),
  );
  const aborted = new Promise<{ readonly kind: "aborted" }>((resolve) => {
    signal.addEventListener("abort", () => resolve({ kind: "aborted" }), {
      signal: watching.signal,
      once: true,
    });
  });
  const period = limits.stallMilliseconds / LOOKS;
  const stalled = (async () => {
    while (!watching.signal.aborted) {
      const before = clock.now();
      const left = lastSign + limits.stallMilliseconds - before;
      if (left <= 0) break;
      const asked = Math.min(left, period);
      await clock.sleep(asked, watching.signal);
      // While this process itself was stopped (Ctrl-Z, a paused container), so was the engine.
      const late = clock.now() - before - asked;
      if (late > period) lastSign = Math.min(clock.now(), lastSign + late);
    }
    return { kind: "stalled" } as const;
  })();

  const first = await Promise.race([ended, aborted, stalled]);
  watching.abort();
  if (first.kind === "done" || first.kind === "failed") return first;

  inner.abort(first.kind === "aborted" ? signal.reason : new Error("The engine stalled"));
  const rest = ended.then(async (end) => {
    if (end.kind === "done") await options.discard?.(end.value);
  }).catch(() => {});
  return {
    kind: first.kind,
    settled: await settlesWithin(rest, limits.graceMilliseconds, clock),
    rest,
  };
}
