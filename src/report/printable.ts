/** What most texts are made of, with nothing that a CI service takes for a command. */
const PLAIN = /^(?!\s*::)(?:[ -"$-~]|#(?!#[a-z]*\[))*$/i;

/** Characters up to which {@link PLAIN} is asked: for megabytes of them its matcher has no stack left. */
const MOST_LOOKED_AT = 100_000;

function isPlain(text: string): boolean {
  return text.length <= MOST_LOOKED_AT && PLAIN.test(text);
}

/** The same for lines, without a look at commands. */
const PLAIN_LINES = /^[\n -~]*$/;

/**
 * What must not reach a terminal, a log or a file as it is: control characters (C0, DEL, C1), what
 * turns text around or is invisible (Unicode's Cf), line and paragraph separators, halves of
 * surrogate pairs, and the two that XML has no way to write.
 *
 * Written out, since reading a pattern with `\p{…}` takes 4 ms of a start; a test holds it against
 * Unicode's own categories.
 */
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]|\ud804[\udcbd\udccd]|\ud80d[\udc30-\udc3f]|\ud82f[\udca0-\udca3]|\ud834[\udd73-\udd7a]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Where a CI service's log reader finds a command: `::name::` at the start of a line (GitHub's
 * runner trims it first), `##[name]` and `##vso[name]` anywhere in it (GitHub's runner, Azure
 * Pipelines, TeamCity).
 */
const COMMAND = /^(\s*):(?=:)|#(?=#[a-z]*\[)/gi;

/**
 * A text from outside, safe to print on one line: control and formatting characters become
 * `\u{…}`, and so does what would make the line a command to a CI service.
 *
 * Every report, annotation and error passes its lines through here, whatever they are made of;
 * what comes from a header, a path, a jar file or the environment needs no other care.
 *
 * @example
 * ```ts
 * import { printable } from "./printable.ts";
 * if (printable("tiny\u001b[2J") !== "tiny\\u{1b}[2J") throw new Error("No escape goes through");
 * if (printable("::add-mask::a") !== "\\u{3a}:add-mask::a") throw new Error("No command either");
 * if (printable("Brain Jär") !== "Brain Jär") throw new Error("Letters stay");
 * ```
 */
export function printable(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(UNPRINTABLE, escaped)
    .replace(COMMAND, (character, space = "") => space + escaped(character.slice(-1)));
}

/**
 * Text of several lines as it goes to a terminal or a pipe: the last door, for what was put
 * together without `printable`. Line breaks stay.
 */
export function printableLines(text: string): string {
  if (PLAIN_LINES.test(text)) return text;
  return text.replace(UNPRINTABLE, (character) => character === "\n" ? "\n" : escaped(character));
}

/**
 * The same for text in which such a character stands within double quotes alone, in a language that
 * reads them as JSON does: it means what it meant.
 *
 * @example
 * ```ts
 * import { escapedLines } from "./printable.ts";
 * if (escapedLines('a: "\u202e"\n') !== 'a: "\\u202e"\n') throw new Error("As JSON has it");
 * ```
 */
export function escapedLines(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => character === "\n" ? "\n" : escapedInJson(character),
  );
}

/**
 * A value as JSON that reads back as the same value, without one character that `printable` would
 * not let through. On one line.
 *
 * @example
 * ```ts
 * import { jsonText } from "./printable.ts";
 * const text = jsonText({ name: "a\u009b2J\u202e" });
 * if (text !== '{"name":"a\\u009b2J\\u202e"}') throw new Error(text);
 * ```
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (isPlain(text)) return text;
  return text.replace(UNPRINTABLE, escapedInJson).replace(COMMAND, escapedInJson);
}

function escapedInJson(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
