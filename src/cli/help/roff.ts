/** Characters that roff reads or typesets as something else than themselves. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\(rs",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  // Not in every terminal's character set.
  "…": "...",
};

/**
 * A line of text as roff source, in ASCII, that formats as the very characters it has; an ellipsis
 * becomes three dots.
 *
 * @example
 * ```ts
 * import { escapeRoff } from "./roff.ts";
 * if (escapeRoff(".log of --json") !== "\\&.log of \\-\\-json") throw new Error();
 * ```
 */
export function escapeRoff(line: string): string {
  const escaped = [...line].map((letter) => {
    const known = ESCAPES[letter];
    if (known !== undefined) return known;
    const point = letter.codePointAt(0) ?? 0;
    return point < 127 ? letter : `\\[u${point.toString(16).toUpperCase().padStart(4, "0")}]`;
  }).join("");
  // A line that starts with a dot would be a request.
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}
