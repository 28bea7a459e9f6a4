import process from "node:process";
import { exitCode, STOP_SIGNALS } from "../../budget/exit_codes.ts";
import { type Clock, systemClock } from "../../experiment/clock.ts";
import { RUN_LIMITS } from "../../experiment/limits.ts";
import { freedInTime } from "../../experiment/freed_in_time.ts";
import { hangupIsIgnored } from "../../machine/processes.ts";

/** What ends a run. */
export interface Stop {
  /** Fires on the first Ctrl-C, SIGTERM or SIGHUP, or once asked; its reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Ends it as a signal does: nobody reads stdout any more, which Deno doesn't signal. */
  ask(reason: "SIGPIPE" | "SIGHUP"): void;
  /**
   * Waits until the engine is free, but not for ever: a native call on a disk that no longer
   * answers can't be ended from outside. What it holds goes back when brainjar ends.
   */
  freed(freeing: Promise<unknown>): Promise<void>;
  /** Stops listening. */
  close(): void;
}

/**
 * How long after the first signal another is the same key press. `deno task` and npx each pass a
 * Ctrl-C on that the terminal has sent already; nobody presses twice on purpose so fast.
 */
const SAME_PRESS_MILLISECONDS = 300;

/**
 * Listens for Ctrl-C, SIGTERM and SIGHUP (the terminal is closed). The first asks the run to end and
 * give everything back; a second one stops at once (src/budget/README.md, "The run"). A SIGHUP that
 * was being ignored when this process started (`nohup`) stays ignored.
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
  const names = STOP_SIGNALS.filter((name) => name !== "SIGHUP" || !hangupIsIgnored());
  const handlers = names.map((name) => {
    const handler = () => {
      if (stoppedAt === undefined) end(name);
      else if (clock.now() - stoppedAt >= SAME_PRESS_MILLISECONDS) Deno.exit(exitCode(name));
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
