/**
 * A count with its noun, as people count; for nouns whose plural ends in s.
 *
 * @example
 * ```ts
 * import { counted } from "./counted.ts";
 * if (counted(1, "death") !== "1 death" || counted(0, "token") !== "0 tokens") throw new Error();
 * ```
 */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
