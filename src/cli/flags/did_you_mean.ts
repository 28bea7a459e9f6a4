// @ts-types="../std/levenshtein_distance.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Letters of a word that may be wrong: a farther word isn't a typing mistake but another word. */
const MISTYPED = { share: 0.4, most: 3 };

/**
 * The known word that a mistyped one most likely meant, as a hint, and what to say besides. Where
 * no known word is near, only the rest is said: a guess that is wrong leads nowhere.
 *
 * @param rest What is true of any word: which there are, or where to look.
 *
 * @example
 * ```ts
 * import { didYouMean } from "./did_you_mean.ts";
 * const hint = (given: string) => didYouMean(given, ["single", "matrix"], "It takes both");
 * if (hint("matrx") !== 'Did you mean "matrix"? It takes both') throw new Error("A letter is missing");
 * if (hint("frob") !== "It takes both") throw new Error("Nothing is near");
 * ```
 */
export function didYouMean(given: string, known: readonly string[], rest: string): string {
  const typed = plain(given);
  const wrong = Math.min(
    MISTYPED.most,
    Math.max(1, Math.floor(typed.length * MISTYPED.share)),
    typed.length - 1,
  );
  const [mistyped] = known
    // So many letters too many or too few are wrong at least; a key of a file may have a million.
    .filter((word) => Math.abs(plain(word).length - typed.length) <= wrong)
    .map((word) => ({ word, distance: distance(typed, plain(word)) }))
    .filter(({ distance }) => distance <= wrong)
    .toSorted((a, b) => a.distance - b.distance);
  const nearest = mistyped?.word ?? known.find((word) => isPart(typed, plain(word)));
  return nearest === undefined ? rest : `Did you mean "${nearest}"? ${rest}`;
}

/** Dashes before a flag and capitals are nobody's spelling. */
function plain(word: string): string {
  return word.replace(/^-+/, "").toLowerCase();
}

/** Letters put in, taken out or changed; two that changed places are one mistake. */
function distance(typed: string, word: string): number {
  let least = levenshteinDistance(typed, word);
  for (let at = 1; at < typed.length; at++) {
    const swapped = typed.slice(0, at - 1) + typed.slice(at, at + 1) +
      typed.slice(at - 1, at) + typed.slice(at + 1);
    least = Math.min(least, 1 + levenshteinDistance(swapped, word));
  }
  return least;
}

/** Shorter words are part of many. */
const SHORTEST_PART = 4;

/** Whether one was left out of the other: `--no-json`, `margin`. */
function isPart(typed: string, word: string): boolean {
  const [short, long] = typed.length < word.length ? [typed, word] : [word, typed];
  return short.length >= SHORTEST_PART && long.includes(short);
}
