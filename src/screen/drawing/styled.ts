import type { Role } from "../../budget/demand.ts";
import { CODES, type Style as ReportStyle } from "../../report/styled.ts";
import { cellsOf, fit, isPlain } from "./cells.ts";

/** How a piece of text looks; what it says it must say without it. */
export interface Style {
  readonly color?: Exclude<ReportStyle, "bold" | "dim">;
  readonly isBold?: true;
  readonly isFaint?: true;
}

/** A piece of a line. Its text is printable. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** A line of the screen, from its left edge on. */
export type Line = readonly Span[];

/** The three voices. Each is named wherever it speaks. */
export const VOICES: Readonly<Record<Role, Style>> = {
  subject: { color: "subject" },
  observer: { color: "observer" },
  god: { color: "god" },
};

export const FAINT: Style = { isFaint: true };
export const BOLD: Style = { isBold: true };
export const ALARM: Style = { color: "fail", isBold: true };

/** A span; no text, no span. */
export function span(text: string, style?: Style): Span {
  return style === undefined ? { text } : { text, style };
}

export function lineCells(line: Line): number {
  return line.reduce((sum, { text }) => sum + cellsOf(text), 0);
}

/** The line in exactly so many cells: cut with `…`, or filled with spaces. */
export function exactly(line: Line, cells: number): Line {
  const wide = lineCells(line);
  if (wide <= cells) return wide === cells ? line : [...line, span(" ".repeat(cells - wide))];
  const kept: Span[] = [];
  let left = Math.max(0, cells);
  for (const part of line) {
    const width = cellsOf(part.text);
    // What is cut needs a cell for its `…`, also where it is the next span that doesn't fit.
    if (width < left) {
      kept.push(part);
      left -= width;
      continue;
    }
    const text = fit(part.text.padEnd(part.text.length + 1), left);
    kept.push({ ...part, text });
    left -= cellsOf(text);
    break;
  }
  return left > 0 ? [...kept, span(" ".repeat(left))] : kept;
}

/** Two texts at both ends of so many cells; the right one gives way. */
export function atBothEnds(left: Line, right: Line, cells: number): Line {
  const gap = cells - lineCells(left) - lineCells(right);
  const isRoom = gap > 0 || (gap === 0 && lineCells(left) === 0);
  return exactly(!isRoom ? left : [...left, span(" ".repeat(gap)), ...right], cells);
}

/** How lines are painted. */
interface PaintOptions {
  readonly color: boolean;
  /**
   * Puts what follows a wide or unusual character where it belongs, by column: terminals don't agree
   * on how wide those are.
   */
  readonly positions?: boolean;
}

/**
 * A line as a terminal takes it.
 *
 * @example
 * ```ts
 * import { paint } from "./styled.ts";
 * const line = [{ text: "dead", style: { color: "fail" } }] as const;
 * if (paint(line, { color: false }) !== "dead") throw new Error("No colour");
 * if (paint(line, { color: true }) !== "\u001b[31mdead\u001b[0m") throw new Error("Red");
 * ```
 */
export function paint(line: Line, { color, positions = false }: PaintOptions): string {
  let painted = "";
  let column = 1;
  for (const { text, style } of line) {
    const codes = color && style !== undefined ? codesOf(style) : "";
    painted += codes === "" ? text : `\u001b[${codes}m${text}\u001b[0m`;
    column += cellsOf(text);
    if (positions && !isPlain(text)) painted += `\u001b[${column}G`;
  }
  return painted;
}

function codesOf({ color, isBold, isFaint }: Style): string {
  return [isBold && CODES.bold[0], isFaint && CODES.dim[0], color && CODES[color][0]]
    .filter(Boolean).join(";");
}

/** The same text with a style for some of its characters. */
export function restyled(
  text: string,
  style: Style | undefined,
  special: { readonly character: string; readonly style: Style },
): Span[] {
  const { character } = special;
  const parts = text.split(new RegExp(`(${RegExp.escape(character)}+)`)).filter((part) =>
    part !== ""
  );
  return parts.map((part) => span(part, part.startsWith(character) ? special.style : style));
}
