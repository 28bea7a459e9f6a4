import { Document, isScalar, type Scalar, visit } from "yaml";
import { escapedLines, printable, printableLines } from "../report/printable.ts";

/**
 * A value as a YAML document with a comment above it, and above keys of it. Characters that nothing shows
 * are escaped, so that it may be printed and means what it meant.
 *
 * @param comments lines above keys, by the keys' path joined with dots
 *
 * @example
 * ```ts
 * import { yamlText } from "./yaml_text.ts";
 * const text = yamlText({ a: { b: "$x: \u202e" } }, { "": ["Above"], "a.b": ["What b is"] });
 * if (text !== '# Above\n\na:\n  # What b is\n  b: "$x: \\u202e"\n') throw new Error(text);
 * ```
 */
export function yamlText(
  value: unknown,
  comments: Readonly<Record<string, readonly string[]>> = {},
): string {
  const document = new Document(value, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  const above = comments[""];
  if (above !== undefined) document.commentBefore = commentOf(above);
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string" && !isPlainText(node.value)) node.type = "QUOTE_DOUBLE";
    },
    Pair(_, pair, ancestors) {
      const keys = [...ancestors, pair].flatMap((node) => "key" in node ? [keyOf(node.key)] : []);
      const lines = comments[keys.join(".")];
      if (lines !== undefined && isScalar(pair.key)) pair.key.commentBefore = commentOf(lines);
    },
  });
  return escapedLines(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity }),
  );
}

/** One line, or whole lines of a file, without a character that nothing shows. */
function isPlainText(text: string): boolean {
  return printable(text) === text || /^\{\n[^]*\n$/.test(text) && printableLines(text) === text;
}

function keyOf(key: unknown): string {
  return isScalar(key) ? String((key as Scalar).value) : String(key);
}

function commentOf(lines: readonly string[]): string {
  return lines.map((line) => ` ${printable(line)}`).join("\n");
}
