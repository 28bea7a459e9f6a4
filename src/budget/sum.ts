/**
 * The sum of some numbers, 0 of none.
 *
 * @example
 * ```ts
 * import { sum } from "./sum.ts";
 * if (sum([1, 2, 3]) !== 6 || sum([]) !== 0) throw new Error("A sum");
 * ```
 */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
