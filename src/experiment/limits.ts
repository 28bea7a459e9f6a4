import type { DeathCause } from "./jar/death_cause.ts";

/** The run's numbers. src/budget/README.md, "The run", has those that people see; tests give their own. */
export interface RunLimits {
  /** A silent engine counts as stalled after this long. */
  readonly stallMilliseconds: number;
  /** Between two looks at memory. */
  readonly watchMilliseconds: number;
  /** The same where little is left. */
  readonly shortWatchMilliseconds: number;
  /** Between two writings of what is reserved. */
  readonly renewMilliseconds: number;
  /** Between two tries to bring a dead jar back. */
  readonly retryMilliseconds: number;
  /** The same after a death by hand: nothing was wrong, and a person is to see that it is dead. */
  readonly byHandMilliseconds: number;
  /** How long an operation that was asked to end is waited for. */
  readonly graceMilliseconds: number;
  /** How long freeing is waited for while the run goes on. */
  readonly disposalMilliseconds: number;
  /** And once it was told to stop, beyond the grace. */
  readonly hurriedDisposalMilliseconds: number;
  /** A jar's process that says nothing for so long, and a run that asks it nothing, count as gone. */
  readonly silenceMilliseconds: number;
  /** Rounds of tries after which a run without a living jar ends. */
  readonly lastChances: number;
  /** Deaths by the engine without a thought between them, after which a jar is given up. */
  readonly engineFailuresInARow: number;
  /** The same of a jar in a process of its own, which is tried less and less often. */
  readonly processFailuresInARow: number;
}

/** Grace and hurried disposal together stay a second under the 3 s that Ctrl-C may take: a busy machine needs it. */
export const RUN_LIMITS: RunLimits = {
  stallMilliseconds: 60_000,
  watchMilliseconds: 1_000,
  shortWatchMilliseconds: 100,
  renewMilliseconds: 60_000,
  retryMilliseconds: 3_000,
  byHandMilliseconds: 1_500,
  graceMilliseconds: 1_200,
  disposalMilliseconds: 10_000,
  hurriedDisposalMilliseconds: 800,
  silenceMilliseconds: 30_000,
  lastChances: 3,
  engineFailuresInARow: 5,
  processFailuresInARow: 20,
};

/** How often the time to the next try is doubled. */
const MOST_DOUBLED = 4;

/**
 * Who starts processes is asked less often the more often it came to nothing: how long to wait after
 * so many failures in a row, in milliseconds.
 */
export function triesLater(milliseconds: number, failures: number): number {
  return milliseconds * 2 ** Math.min(MOST_DOUBLED, Math.max(0, failures - 1));
}

/** How long after a death for this it is tried to bring a jar back, in milliseconds. */
export function retryAfter(cause: DeathCause, limits: RunLimits): number {
  return cause === "by-hand" ? limits.byHandMilliseconds : limits.retryMilliseconds;
}

/**
 * How long after the first press of a key that ends a run another is the same one: a key that is held
 * down comes again, `deno task` and npm pass a Ctrl-C on that the terminal has sent already, and nobody
 * presses twice on purpose so fast.
 */
export const SAME_PRESS_MILLISECONDS = 300;
