import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";

/**
 * What every terminal gives one cell, and what is one character by itself: ASCII, Latin letters and what
 * the screen draws with. Measured without looking further, since most of a screen is made of it.
 */
const PLAIN = /^[ -~\u00a1-\u00ac\u00ae-\u024f\u2010-\u2026\u2190-\u2193\u2500-\u25fc]*$/;

/** Whether a text holds nothing that terminals might disagree on. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What a person takes for one character each, however many code points it has. */
export function charactersOf(text: string): string[] {
  return PLAIN.test(text) ? [...text] : [...graphemes.segment(text)].map(({ segment }) => segment);
}

/**
 * How many cells of a terminal a text takes: wide characters and emoji two, accents none.
 *
 * @example
 * ```ts
 * import { cellsOf } from "./cells.ts";
 * if (cellsOf("jar") !== 3 || cellsOf("日本🙂") !== 6) throw new Error("Wide ones take two");
 * ```
 */
export function cellsOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/**
 * A text in at most so many cells, with `…` where something was left out.
 *
 * @example
 * ```ts
 * import { fit } from "./cells.ts";
 * if (fit("observer", 5) !== "obse…" || fit("god", 5) !== "god") throw new Error("Cut where needed");
 * ```
 */
export function fit(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  return cells < 1 ? "" : `${startOf(charactersOf(text), cells - 1)}…`;
}

/** As many of the characters as fit so many cells. */
function startOf(characters: readonly string[], cells: number): string {
  let start = "";
  let width = 0;
  for (const character of characters) {
    width += cellsOf(character);
    if (width > cells) break;
    start += character;
  }
  return start;
}

/**
 * As much of a text's end as fits so many cells.
 *
 * @example
 * ```ts
 * import { endOf } from "./cells.ts";
 * if (endOf("whisper", 3) !== "per" || endOf("日本", 3) !== "本") throw new Error("Its end");
 * ```
 */
export function endOf(text: string, cells: number): string {
  const characters = charactersOf(text);
  let width = cellsOf(text);
  let start = 0;
  while (width > cells && start < characters.length) {
    width -= cellsOf(characters[start] ?? "");
    start++;
  }
  return characters.slice(start).join("");
}

/** A text filled up with spaces to so many cells. */
export function filled(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - cellsOf(text)));
}

/**
 * A text in lines of at most so many cells, broken between words; a word that is longer than a line is
 * broken between characters.
 *
 * @example
 * ```ts
 * import { wrap } from "./cells.ts";
 * const lines = wrap("a mind in a jar", 6);
 * if (lines.join("|") !== "a mind|in a|jar") throw new Error(lines.join("|"));
 * ```
 */
export function wrap(text: string, cells: number): string[] {
  const width = Math.max(1, cells);
  // A character that is wider than a line is cut.
  return wrapAnsi(text, width, { hard: true }).split("\n").map((line) => fit(line, width));
}
