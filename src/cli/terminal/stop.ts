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
 * How long after the first signal another is the same key press: `deno task` and npm pass a Ctrl-C on
 * that the terminal has sent already, and nobody presses twice on purpose so fast.
 */
const SAME_PRESS_MILLISECONDS = 300;

/**
 * How long the one that is passed on may take. With the processors busy it came 835 ms later.
 */
const PASSED_ON_MILLISECONDS = 2000;

/** What task runners tell those whom they start, the folder in which they were started themselves. */
const TASK_VARIABLE = "INIT_CWD";

/**
 * Listens for Ctrl-C, SIGTERM and SIGHUP (the terminal is closed). The first asks the run to end and
 * give everything back; a second one stops at once (src/budget/README.md, "The run"), and from a task
 * runner, which sends each twice, a third one where the second came within two seconds. A SIGHUP that
 * was being ignored when this process started (`nohup`) stays ignored.
 *
 * Through Node's events: a package of the engine's listens there too, and ends the process when it
 * believes that nobody else does.
 */
export function listenForStop(
  clock: Clock = systemClock,
  isTask: boolean = Deno.env.has(TASK_VARIABLE),
): Stop {
  const controller = new AbortController();
  let stoppedAt: number | undefined;
  let isPassedOn = isTask;
  /** Whether a signal is the first one once more. */
  const isSamePress = (milliseconds: number) => {
    if (milliseconds < SAME_PRESS_MILLISECONDS) return true;
    const isOther = !isPassedOn || milliseconds >= PASSED_ON_MILLISECONDS;
    isPassedOn = false;
    return !isOther;
  };
  const end = (reason: string) => {
    stoppedAt ??= clock.now();
    controller.abort(reason);
  };
  const names = STOP_SIGNALS.filter((name) => name !== "SIGHUP" || !hangupIsIgnored());
  const handlers = names.map((name) => {
    const handler = () => {
      if (stoppedAt === undefined) end(name);
      else if (!isSamePress(clock.now() - stoppedAt)) Deno.exit(exitCode(name));
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
