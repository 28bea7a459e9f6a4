import type { Shape } from "../../page/assets/plot.js";
import { printableLines } from "../../report/printable.ts";

/** HTML that is safe to be written as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in HTML: markup as it is, everything else as text, nothing for `undefined`. */
export type Content = Markup | string | number | undefined | readonly Content[];

/**
 * HTML with its values as text: whatever a model says, it is shown and not obeyed. Attributes' values
 * stand in double quotes.
 *
 * @example
 * ```ts
 * import { html } from "./markup.ts";
 * const { text } = html`<p title="${'"'}">${"<b>&\u001b[2J"}</p>`;
 * if (text !== '<p title="&quot;">&lt;b&gt;&amp;\\u{1b}[2J</p>') throw new Error(text);
 * ```
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = strings.map((string, index) => string + written(values[index]));
  return new Markup(parts.join(""));
}

/** A drawing of the page's as HTML. */
export function drawing(shape: Shape | string): Content {
  if (typeof shape === "string") return shape;
  const [name, attributes, ...content] = shape;
  return [
    new Markup(`<${name}`),
    Object.entries(attributes).map(([key, value]) => [
      new Markup(` ${key}="`),
      value,
      new Markup('"'),
    ]),
    new Markup(">"),
    content.map(drawing),
    new Markup(`</${name}>`),
  ];
}

const REFERENCES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function written(value: Content): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(written).join("");
  return printableLines(String(value)).replace(
    /[&<>"']/g,
    (character) => REFERENCES[character] ?? "",
  );
}
