// XML 1.0 has no way to write these, escaped or not; a reader stops at the first.
const UNWRITABLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/**
 * A text as it stands between two tags. What XML can't hold becomes `\u{…}`.
 *
 * @example
 * ```ts
 * import { xmlText } from "./xml.ts";
 * if (xmlText("a < b\u0000") !== "a &lt; b\\u{0}") throw new Error(xmlText("a < b\u0000"));
 * ```
 */
export function xmlText(text: string): string {
  return writable(text).replace(/[&<>\r]/g, (character) => ENTITIES[character] ?? character);
}

/**
 * An element's attributes, each after a space. Line breaks in them would be read as spaces: they
 * become references.
 *
 * @example
 * ```ts
 * import { xmlAttributes } from "./xml.ts";
 * if (xmlAttributes({ name: 'a"b', tests: 2 }) !== ' name="a&quot;b" tests="2"') throw new Error();
 * ```
 */
export function xmlAttributes(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes).map(([name, value]) => {
    const text = writable(String(value))
      .replace(/[&<>"'\t\n\r]/g, (character) => ENTITIES[character] ?? character);
    return ` ${name}="${text}"`;
  }).join("");
}

function writable(text: string): string {
  return text.replace(
    UNWRITABLE,
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
}
