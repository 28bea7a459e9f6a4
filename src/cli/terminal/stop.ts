import process from "node:process";
import { exitCode, STOP_SIGNALS } from "../../budget/exit_codes.ts";
import { type Clock, settlesBefore, systemClock } from "../../experiment/clock.ts";
import { RUN_LIMITS, SAME_PRESS_MILLISECONDS } from "../../experiment/limits.ts";
import { freedInTime } from "../../experiment/freed_in_time.ts";
import { hangupIsIgnored } from "../../machine/processes.ts";

/** What ends a run. */
export interface Stop {
  /** Fires on the first Ctrl-C, SIGTERM or SIGHUP, or once asked; its reason is the signal's name. */
  readonly signal: AbortSignal;
  /**
   * Ends it as a signal does: nobody reads stdout any more, which Deno doesn't signal, or the person
   * who watches has seen enough.
   */
  ask(reason: "SIGPIPE" | "SIGHUP" | "quit"): void;
  /**
   * Waits until the engine is free, but not for ever: a native call on a disk that no longer
   * answers can't be ended from outside. What it holds goes back when brainjar ends.
   */
  freed(freeing: Promise<unknown>): Promise<void>;
  /** Waits until the answer is read: for as long as its reader likes, until a stop. */
  heard(answer: Promise<void>): Promise<void>;
  /** Stops listening. */
  close(): void;
}

/**
 * How long the one that is passed on may take. With the processors busy it came 835 ms later.
 */
const PASSED_ON_MILLISECONDS = 2000;

/** How often it is looked whether this process listens; less than a press takes. */
const LISTEN_MILLISECONDS = 50;

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
  const closed = new AbortController();
  const presses = new KeyPresses(clock, isTask, closed.signal);
  let stoppedAt: number | undefined;
  const end = (reason: string) => {
    stoppedAt ??= clock.now();
    controller.abort(reason);
  };
  // Asked first: with the first listener Deno's own handlers take the place of "ignore", so that what
  // nobody is to hear must be listened for.
  const ignored = hangupIsIgnored() ? "SIGHUP" : undefined;
  const freed = async (freeing: Promise<unknown>) => {
    const stop = { stop: controller.signal, stoppedAt: () => stoppedAt };
    await freedInTime(freeing, { clock, limits: RUN_LIMITS, ...stop });
  };
  const handlers = STOP_SIGNALS.map((name) => {
    const handler = name === ignored ? () => {} : () => {
      const press = presses.next();
      if (press === "second") Deno.exit(exitCode(name));
      else if (press === "first") end(name);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    ask: (reason) => {
      // Whoever pressed q and then Ctrl-C has pressed twice.
      if (reason === "quit") presses.next();
      end(reason);
    },
    freed,
    heard: async (answer) => {
      if (!await settlesBefore(answer, controller.signal)) await freed(answer);
    },
    close: () => {
      closed.abort();
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}

/** Tells which signals are one press of a key. */
class KeyPresses {
  readonly #clock: Clock;
  readonly #closed: AbortSignal;
  #firstAt: number | undefined;
  /** Until when this process listened last: a signal that is heard now came later. */
  #listenedAt = 0;
  /** A task runner still has to pass the first one on. */
  #isPassedOn: boolean;

  constructor(clock: Clock, isTask: boolean, closed: AbortSignal) {
    this.#clock = clock;
    this.#isPassedOn = isTask;
    this.#closed = closed;
  }

  /** What the signal that is heard now belongs to. */
  next(): "first" | "same" | "second" {
    const now = this.#clock.now();
    if (this.#firstAt === undefined) {
      this.#firstAt = now;
      this.#keepListening();
      return "first";
    }
    // Freeing jars keeps JavaScript busy for half a second, and what came meanwhile is heard late.
    const milliseconds = Math.min(now, this.#listenedAt + LISTEN_MILLISECONDS) - this.#firstAt;
    if (milliseconds < SAME_PRESS_MILLISECONDS) return "same";
    const isPassedOn = this.#isPassedOn && milliseconds < PASSED_ON_MILLISECONDS;
    this.#isPassedOn = false;
    return isPassedOn ? "same" : "second";
  }

  async #keepListening(): Promise<void> {
    while (!this.#closed.aborted) {
      this.#listenedAt = this.#clock.now();
      await this.#clock.sleep(LISTEN_MILLISECONDS, this.#closed);
    }
  }
}
