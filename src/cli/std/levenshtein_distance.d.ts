// Types of the part of @std/text/levenshtein-distance that is used: the npm build has none.

/** How many letters must be put in, taken out or changed to make one text the other. */
export function levenshteinDistance(one: string, other: string): number;
