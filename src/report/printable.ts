/** What most texts are made of. The pattern of all others takes 4 ms to be read at a start. */
const PLAIN = /^[ -~]*$/;

/**
 * A text from outside, safe to print on one line: control and formatting characters become
 * `\u{…}`.
 *
 * @example
 * ```ts
 * import { printable } from "./printable.ts";
 * if (printable("tiny\u001b[2J") !== "tiny\\u{1b}[2J") throw new Error("No escape goes through");
 * if (printable("Brain Jär") !== "Brain Jär") throw new Error("Letters stay");
 * ```
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : escapeUnprintable(text);
}

// Names and paths come from model files and arguments: what moves the cursor, turns text around or
// starts a new line could make a report say what brainjar didn't.
function escapeUnprintable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
