import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import { paintLine, type StyledLine } from "../styled.ts";

/** Words that are wrapped, and what stands before them; without words it is an empty line. */
export interface Paragraph {
  readonly words: StyledLine;
  /** Before the first line; the others are indented as far. */
  readonly label?: StyledLine;
  /** Cells that the label is filled up to; none unless told otherwise. */
  readonly indent?: number;
}

/** Narrower than this nothing can be read; wider than this no line is. */
const FEWEST_COLUMNS = 20;
const MOST_COLUMNS = 100;

/**
 * Paragraphs as a terminal of so many columns shows them, wrapped between words, each line with its
 * line break.
 *
 * @example
 * ```ts
 * import { fitParagraphs } from "./paragraph.ts";
 * const text = fitParagraphs([{ label: ["1"], indent: 3, words: ["one two three four five"] }], {
 *   columns: 20,
 *   color: false,
 * });
 * if (text !== "1  one two three\n   four five\n") throw new Error(text);
 * ```
 */
export function fitParagraphs(
  paragraphs: readonly Paragraph[],
  { columns, color }: { readonly columns: number; readonly color: boolean },
): string {
  const width = Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, columns));
  return paragraphs.map(({ words, label = [], indent: wanted = 0 }) => {
    // Words need the larger half of a line.
    const indent = wanted > width / 2 ? 2 : wanted;
    const labelCells = stringWidth(paintLine(label, false));
    // A label that leaves no space before the words stands above them.
    const isAbove = labelCells > 0 && labelCells >= indent;
    const before = isAbove
      ? `${wrapAnsi(paintLine(label, color), width, { hard: true })}\n${" ".repeat(indent)}`
      : paintLine(label, color) + " ".repeat(indent - labelCells);
    const text = wrapAnsi(keepAmounts(paintLine(words, color)), width - indent, { hard: true })
      .replaceAll(NO_BREAK, " ");
    const lines = `${before}${text.split("\n").join(`\n${" ".repeat(indent)}`)}`;
    return `${lines.trimEnd()}\n`;
  }).join("");
}

/** A space at which no line ends. */
const NO_BREAK = "\u00a0";

/** An amount stays with its unit. */
function keepAmounts(text: string): string {
  return text.replaceAll(/(\d) (?=(?:[KMGT]?B|%|s)\b)/g, `$1${NO_BREAK}`);
}

/**
 * A bar of so many cells, filled by a share from 0 to 1; what is more than nothing shows.
 *
 * @example
 * ```ts
 * import { bar } from "./paragraph.ts";
 * if (bar(0.5, 4) !== "██░░" || bar(2, 4) !== "████" || bar(0.01, 4) !== "█░░░") throw new Error();
 * ```
 */
export function bar(share: number, cells: number): string {
  const rounded = Math.round(Math.min(1, Math.max(0, share)) * cells);
  const filled = share > 0 ? Math.max(1, rounded) : 0;
  return "█".repeat(filled) + "░".repeat(cells - filled);
}
