import { printable } from "./printable.ts";

/** How a word is set off on a terminal; what it means is in the words as well. */
export type Style = keyof typeof CODES;

/** A part of a line: plain, or in a style. */
export type Span = string | { readonly style: Style; readonly text: string };

/** A line of a report, or a paragraph that is wrapped between words. */
export type StyledLine = readonly Span[];

/**
 * Select Graphic Rendition, on and off. Written out because node:util takes a quarter of a check's
 * time to load; the eight colours that every terminal's own theme makes readable.
 */
export const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  pass: [32, 39],
  fail: [31, 39],
  warning: [33, 39],
  subject: [36, 39],
  observer: [35, 39],
  god: [33, 39],
} as const;

/**
 * A line as a terminal shows it: nothing that a span holds reaches the terminal as anything but text.
 *
 * @param color Whether styles are shown; without it the words alone are there.
 *
 * @example
 * ```ts
 * import { paintLine } from "./styled.ts";
 * const line = ["All is ", { style: "pass", text: "well\u001b[2J" }] as const;
 * if (paintLine(line, true) !== "All is \u001b[32mwell\\u{1b}[2J\u001b[39m") throw new Error();
 * if (paintLine(line, false) !== "All is well\\u{1b}[2J") throw new Error("Words alone");
 * ```
 */
export function paintLine(line: StyledLine, color: boolean): string {
  return line.map((span) => {
    if (typeof span === "string") return printable(span);
    const text = printable(span.text);
    if (!color) return text;
    const [on, off] = CODES[span.style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }).join("");
}
