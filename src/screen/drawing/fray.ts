import { cellsOf, charactersOf } from "./cells.ts";

/** How full a context is when its words begin to fray. */
const BEGINS = 0.8;
/** Of its letters, how many are gone once it is full. */
const GONE_WHEN_FULL = 0.55;

/** What is left of a letter. */
export const FRAYED = "·";

const LETTER = /^\p{L}/u;

/**
 * A text as a mind with a full context still has it: letters have dropped out, more the fuller. The same
 * text always loses the same ones, and a fuller context only more of them, so that nothing flickers.
 * Never a figure.
 *
 * @param fill how full its context is, from 0 to 1
 *
 * @example
 * ```ts
 * import { fray } from "./fray.ts";
 * if (fray("I hold 412 tokens", 0.5) !== "I hold 412 tokens") throw new Error("Far from full");
 * const frayed = fray("I hold 412 tokens", 1);
 * if (!frayed.includes("412") || !frayed.includes("·")) throw new Error(frayed);
 * ```
 */
export function fray(text: string, fill: number): string {
  const gone = (Math.min(1, fill) - BEGINS) / (1 - BEGINS) * GONE_WHEN_FULL;
  if (!(gone > 0)) return text;
  let hash = 0x811c9dc5;
  return charactersOf(text).map((character) => {
    // FNV-1a over all before it: a character's fate depends on its text alone.
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    if (!LETTER.test(character) || scattered(hash) >= gone) return character;
    return FRAYED.repeat(cellsOf(character));
  }).join("");
}

/** From 0 to 1, evenly: neighbouring hashes far apart. */
function scattered(hash: number): number {
  const mixed = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
  return ((mixed ^ mixed >>> 13) >>> 0) / 2 ** 32;
}
