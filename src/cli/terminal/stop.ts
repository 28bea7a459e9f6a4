import process from "node:process";
import { exitCode } from "../../budget/exit_codes.ts";
import { type Clock, systemClock } from "../../experiment/clock.ts";
import { RUN_LIMITS } from "../../experiment/limits.ts";
import { freedInTime } from "../../experiment/freed_in_time.ts";

/** What ends a run. */
export interface Stop {
  /** Fires on the first Ctrl-C or SIGTERM, or once asked; its reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Ends it as a signal does: nobody reads stdout any more, which Deno doesn't signal. */
  ask(reason: "SIGPIPE"): void;
  /**
   * Waits until the engine is free, but not for ever: a native call on a disk that no longer
   * answers can't be ended from outside. What it holds goes back when brainjar ends.
   */
  freed(freeing: Promise<unknown>): Promise<void>;
  /** Stops listening. */
  close(): void;
}

/**
 * Listens for Ctrl-C and SIGTERM. The first asks the run to end and give everything back; the
 * second stops at once (src/budget/README.md, "The run").
 *
 * Through Node's events: a package of the engine's listens there too, and ends the process when it
 * believes that nobody else does.
 */
export function listenForStop(clock: Clock = systemClock): Stop {
  const controller = new AbortController();
  let stoppedAt: number | undefined;
  const end = (reason: string) => {
    stoppedAt ??= clock.now();
    controller.abort(reason);
  };
  const handlers = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const handler = () => {
      if (controller.signal.aborted) Deno.exit(exitCode(name));
      end(name);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    ask: end,
    freed: async (freeing) => {
      const stop = { stop: controller.signal, stoppedAt: () => stoppedAt };
      await freedInTime(freeing, { clock, limits: RUN_LIMITS, ...stop });
    },
    close: () => {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
