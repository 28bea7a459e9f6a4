/** Words a minute, from slow reading to skimming; past the last one as fast as they are thought. */
const PACES = [30, 45, 60, 90, 120, 160, 200, 250, 320, 400, 600, 1000] as const;

/** How fast a transcript may be played; `Infinity` is without a wait. */
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, Infinity] as const;

/**
 * The next pace; `undefined` is as fast as words are thought.
 *
 * @example
 * ```ts
 * import { paceAfter } from "./paces.ts";
 * if (paceAfter(150, "faster") !== 160 || paceAfter(1000, "faster") !== undefined) {
 *   throw new Error("Faster");
 * }
 * ```
 */
export function paceAfter(
  pace: number | undefined,
  change: "faster" | "slower",
): number | undefined {
  if (change === "faster") return PACES.find((next) => next > (pace ?? Infinity));
  return PACES.findLast((next) => next < (pace ?? Infinity)) ?? PACES[0];
}

/** The next speed of a replay, where 1 is as fast as it was. */
export function speedAfter(speed: number, change: "faster" | "slower"): number {
  if (change === "faster") return SPEEDS.find((next) => next > speed) ?? Infinity;
  return SPEEDS.findLast((next) => next < speed) ?? SPEEDS[0];
}
