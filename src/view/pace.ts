/** Words a minute that most people read along with. */
export const READABLE_PACE = 200;

/** What a step leads to, in words a minute; beyond the last one nothing waits. */
const STEPS: readonly number[] = [40, 60, 90, 130, READABLE_PACE, 300, 450, 700, 1000];

/** The least and the most that may be asked for, in words a minute. */
export const PACE_BOUNDS = { least: 1, greatest: 100_000 } as const;

/** The slowest and the fastest replay, 1 being as fast as it was; beyond that nothing waits. */
export const SPEED_BOUNDS = { least: 0.1, greatest: 1000 } as const;

/**
 * The next faster pace, in words a minute; `undefined` is as fast as thoughts are thought.
 *
 * @example
 * ```ts
 * import { fasterPace } from "./pace.ts";
 * if (fasterPace(200) !== 300 || fasterPace(1000) !== undefined) throw new Error("A step");
 * ```
 */
export function fasterPace(wordsPerMinute: number | undefined): number | undefined {
  if (wordsPerMinute === undefined) return undefined;
  return STEPS.find((step) => step > wordsPerMinute);
}

/**
 * The next slower pace, in words a minute; the slowest stays.
 *
 * @example
 * ```ts
 * import { slowerPace } from "./pace.ts";
 * if (slowerPace(undefined) !== 1000 || slowerPace(40) !== 40) throw new Error("A step");
 * ```
 */
export function slowerPace(wordsPerMinute: number | undefined): number {
  const [slowest = READABLE_PACE] = STEPS;
  const slower = STEPS.findLast((step) => step < (wordsPerMinute ?? Infinity));
  return slower ?? Math.min(slowest, wordsPerMinute ?? slowest);
}

/**
 * A pace in words.
 *
 * @example
 * ```ts
 * import { paceText } from "./pace.ts";
 * if (paceText(200) !== "200 words a minute") throw new Error(paceText(200));
 * if (paceText(undefined) !== "full pace") throw new Error(paceText(undefined));
 * ```
 */
export function paceText(wordsPerMinute: number | undefined): string {
  return wordsPerMinute === undefined ? "full pace" : `${wordsPerMinute} words a minute`;
}
