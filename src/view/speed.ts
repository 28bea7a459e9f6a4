/** A replay's speeds double, from the least to the greatest; beyond that nothing waits. */
const LEAST_SPEED = 0.25;
const GREATEST_SPEED = 64;

/**
 * The next faster speed of a replay, 1 being as fast as it was.
 *
 * @example
 * ```ts
 * import { fasterSpeed } from "./speed.ts";
 * if (fasterSpeed(1) !== 2 || fasterSpeed(64) !== Infinity) throw new Error("A step");
 * ```
 */
export function fasterSpeed(speed: number): number {
  return speed >= GREATEST_SPEED ? Infinity : speed * 2;
}

/**
 * The next slower speed of a replay; the slowest stays.
 *
 * @example
 * ```ts
 * import { slowerSpeed } from "./speed.ts";
 * if (slowerSpeed(Infinity) !== 64 || slowerSpeed(0.25) !== 0.25) throw new Error("A step");
 * ```
 */
export function slowerSpeed(speed: number): number {
  if (speed === Infinity) return GREATEST_SPEED;
  return Math.min(speed, Math.max(LEAST_SPEED, speed / 2));
}
