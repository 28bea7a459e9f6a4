// @ts-types="../std/closest_string.d.ts"
import { closestString } from "@std/text/closest-string";

/**
 * The known word that a mistyped one most likely meant, as a hint.
 *
 * @example
 * ```ts
 * import { didYouMean } from "./did_you_mean.ts";
 * if (didYouMean("matrx", ["single", "matrix"]) !== 'Did you mean "matrix"?') throw new Error();
 * ```
 */
export function didYouMean(given: string, known: readonly string[]): string {
  return `Did you mean "${closestString(given, known)}"?`;
}
