// @ts-types="../std/jsonc.d.ts"
import { parse } from "@std/jsonc/parse";
import { BrainjarError, messageOf } from "../../budget/error.ts";
import { printable } from "../../report/printable.ts";
import { findPositions, lineAndColumn, type Positions } from "./positions.ts";

/** Far above any list of jars that one machine holds, and read at once: 1 MB. */
const MAXIMUM_BYTES = 2 ** 20;

/** A jar file's text, read as JSON with comments. */
export interface JarSource {
  /** As it was given. */
  readonly path: string;
  readonly value: unknown;
  /** Where a value stands, as people and editors write it: `brainjar.jsonc:7:14`. */
  placeOf(path: readonly PropertyKey[], part?: "key" | "value"): string;
  /** Where a value stands in the text, to tell which of two comes first. */
  offsetOf(path: readonly PropertyKey[]): number;
}

/**
 * Reads a file of JSON with comments.
 *
 * @throws {BrainjarError} `jar-file-not-found`, `jar-file-unreadable`, `jar-file-syntax` (with line
 * and column; a key that stands twice is one too), all of kind `usage`.
 */
export function readJarSource(path: string): JarSource {
  const text = readText(path);
  const placeOfOffset = (offset: number) => `${printable(path)}:${lineAndColumn(text, offset)}`;
  let value: unknown;
  let positions: Positions;
  try {
    value = parse(text);
    positions = findPositions(text);
  } catch (cause) {
    throw syntaxError(cause, text, placeOfOffset);
  }
  const [duplicate] = positions.duplicateKeys;
  if (duplicate) {
    throw new BrainjarError(
      "jar-file-syntax",
      `Key "${printable(duplicate.key)}" stands twice in one object at ${
        placeOfOffset(duplicate.offset)
      }`,
      { hint: "Keep one of the two" },
    );
  }
  return {
    path,
    value,
    placeOf: (path, part = "value") => {
      const position = positions.at(path);
      return placeOfOffset((part === "key" ? position?.key : undefined) ?? position?.value ?? 0);
    },
    offsetOf: (path) => positions.at(path)?.value ?? 0,
  };
}

function readText(path: string): string {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) throw unreadable(path, "It is not a file");
    if (size > MAXIMUM_BYTES) throw unreadable(path, "It is larger than 1 MB");
    const bytes = Deno.readFileSync(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof BrainjarError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new BrainjarError("jar-file-not-found", `Jar file not found: ${printable(path)}`, {
        hint: "Name a file with --jars, or leave it out for --mode single, matrix or peer",
        cause,
      });
    }
    if (cause instanceof TypeError) throw unreadable(path, "It is not UTF-8 text", cause);
    throw unreadable(path, messageOf(cause), cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): BrainjarError {
  return new BrainjarError("jar-file-unreadable", `Jar file can't be read: ${printable(path)}`, {
    hint: why,
    cause,
  });
}

/** The parser's error, with a place instead of a position. */
function syntaxError(
  cause: unknown,
  text: string,
  placeOfOffset: (offset: number) => string,
): BrainjarError {
  const hint = "A jar file is JSON; comments and trailing commas are allowed";
  const match = /unexpected token "([\s\S]*)" in JSONC at position (\d+)$/.exec(messageOf(cause));
  if (match) {
    const [, token = "", position = "0"] = match;
    return new BrainjarError(
      "jar-file-syntax",
      `Unexpected ${printable(token)} at ${placeOfOffset(Number(position))}`,
      { hint, cause },
    );
  }
  // The nesting is deeper than the parser's stack.
  const what = cause instanceof RangeError ? "Too many levels" : "Unexpected end";
  return new BrainjarError("jar-file-syntax", `${what} at ${placeOfOffset(text.length)}`, {
    hint,
    cause,
  });
}
