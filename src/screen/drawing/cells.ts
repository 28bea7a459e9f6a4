import stringWidth from "string-width";

const ASCII = /^[ -~]*$/;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What a person takes for one character each, however many code points it has. */
export function charactersOf(text: string): string[] {
  return ASCII.test(text) ? [...text] : [...graphemes.segment(text)].map(({ segment }) => segment);
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
  return ASCII.test(text) ? text.length : stringWidth(text);
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
 * A text in lines of at most so many cells, broken between words; a word that is longer than a line is
 * broken between characters, and a character that is wider than one is `?`.
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
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(/ +/)) {
    const wide = cellsOf(word);
    if (used > 0 && used + 1 + wide <= width) {
      line += ` ${word}`;
      used += 1 + wide;
      continue;
    }
    if (used > 0) lines.push(line);
    const pieces = wide <= width ? [word] : broken(word, width);
    lines.push(...pieces.slice(0, -1));
    line = pieces.at(-1) ?? "";
    used = cellsOf(line);
  }
  lines.push(line);
  return lines;
}

function broken(word: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const character of charactersOf(word)) {
    const shown = cellsOf(character) <= width ? character : "?";
    const wide = cellsOf(shown);
    if (used + wide > width) {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += shown;
    used += wide;
  }
  return [...pieces, piece];
}
