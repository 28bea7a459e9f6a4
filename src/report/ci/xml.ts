import { printable } from "../printable.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/**
 * Lines as they stand between two tags. Each is made printable first: XML 1.0 has no way to write
 * most control characters, escaped or not, and a line break from outside would be another line to
 * whoever reads the file as text.
 *
 * @example
 * ```ts
 * import { xmlLines } from "./xml.ts";
 * const text = xmlLines(["a < b\u0000", "c"]);
 * if (text !== "a &lt; b\\u{0}\nc") throw new Error(text);
 * ```
 */
export function xmlLines(lines: readonly string[]): string {
  return lines.map((line) => referenced(line, /[&<>]/g)).join("\n");
}

/**
 * An element's attributes, each after a space.
 *
 * @example
 * ```ts
 * import { xmlAttributes } from "./xml.ts";
 * if (xmlAttributes({ name: 'a"b', tests: 2 }) !== ' name="a&quot;b" tests="2"') throw new Error();
 * ```
 */
export function xmlAttributes(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${referenced(String(value), /[&<>"']/g)}"`)
    .join("");
}

function referenced(text: string, markup: RegExp): string {
  return printable(text).replace(markup, (character) => ENTITIES[character] ?? character);
}
