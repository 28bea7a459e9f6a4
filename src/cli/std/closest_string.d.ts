// Types of the part of @std/text/closest-string that is used: the npm build has none.

/** The possibility with the smallest edit distance; throws where there are none. */
export function closestString(given: string, possibilities: readonly string[]): string;
