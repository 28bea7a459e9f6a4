// @ts-types="../std/jsonc.d.ts"
import { parse } from "@std/jsonc/parse";
import { BrainjarError, messageOf } from "../../budget/error.ts";
import { printable } from "../../report/printable.ts";
import { MAX_LEVELS } from "./limits.ts";
import { findPositions, findTooDeep, lineAndColumn } from "./positions.ts";

/** A jar file's text, read as JSON with comments. */
export interface JarSource {
  /** As it was given. */
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Where a value stands, as people and editors write it: `brainjar.jsonc:7:14`. */
  placeOf(path: readonly PropertyKey[], part?: "key" | "value"): string;
  /** Where a value stands in the text, to tell which of two comes first. */
  offsetOf(path: readonly PropertyKey[]): number;
}

/** How a jar file is read. */
interface ReadSourceOptions {
  /** What may still be read. */
  readonly bytesLeft: number;
  /** Of so much in all. */
  readonly mostBytes: number;
  /** Whether another jar file names it, not the person who is told what is wrong with it. */
  readonly isExtended: boolean;
}

/**
 * Reads a file of JSON with comments that has an object at the top.
 *
 * @throws {BrainjarError} `jar-file-not-found`, `jar-file-unreadable`, `jar-file-too-large`,
 * `jar-file-syntax` (with line and column; a key that stands twice is one too), `jar-file-invalid`,
 * all of kind `usage`.
 */
export function readJarSource(path: string, options: ReadSourceOptions): JarSource {
  const { text, bytes } = readText(path, options);
  const placeOfOffset = (offset: number) => `${printable(path)}:${lineAndColumn(text, offset)}`;
  const tooDeep = findTooDeep(text);
  if (tooDeep !== undefined) {
    throw syntaxError(`More than ${MAX_LEVELS} levels`, placeOfOffset(tooDeep));
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw parserError(cause, text, placeOfOffset, mayQuote(path, options));
  }
  const positions = findPositions(text);
  const offsetOf = (path: readonly PropertyKey[]) => positions.at(path)?.value ?? 0;
  if (!isObject(value)) {
    throw new BrainjarError(
      "jar-file-invalid",
      `A jar file can't be ${Array.isArray(value) ? "a list" : "a single value"} at ${
        placeOfOffset(offsetOf([]))
      }`,
      { hint: "A jar file is an object" },
    );
  }
  const { duplicateKey } = positions;
  if (duplicateKey) {
    throw syntaxError(
      `Key ${quoted(duplicateKey.key)} stands twice in one object`,
      placeOfOffset(duplicateKey.offset),
      "Keep one of the two",
    );
  }
  return {
    path,
    value,
    bytes,
    placeOf: (path, part = "value") => {
      const position = positions.at(path);
      return placeOfOffset((part === "key" ? position?.key : undefined) ?? position?.value ?? 0);
    },
    offsetOf,
  };
}

/** Characters of a value that a sentence quotes. */
const LONGEST_QUOTE = 40;

/** A text of a jar file as a sentence has it: in quotes, on one line, cut where it gets long. */
export function quoted(text: string): string {
  return `"${shortened(printable(text.slice(0, LONGEST_QUOTE + 1)))}"`;
}

/** Cut where it gets long. */
export function shortened(text: string): string {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readText(path: string, { bytesLeft, mostBytes }: ReadSourceOptions) {
  try {
    // Opening a FIFO waits for a writer, so what it is comes first.
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) throw unreadable(path, "It is not a file");
    if (size > bytesLeft) throw tooLarge(path, size, mostBytes);
    const bytes = readBytes(path, size);
    return {
      text: new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      bytes: bytes.length,
    };
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

/** No more than the size that was looked at: some of the kernel's own files are never read to an end. */
function readBytes(path: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  using file = Deno.openSync(path);
  let filled = 0;
  while (filled < size) {
    const got = file.readSync(bytes.subarray(filled)) ?? 0;
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

function tooLarge(path: string, size: number, mostBytes: number): BrainjarError {
  return new BrainjarError(
    "jar-file-too-large",
    `Jar file ${printable(path)} is too large: ${size} bytes`,
    { hint: `A jar file and all that it extends have at most ${mostBytes} bytes together` },
  );
}

function unreadable(path: string, why: string, cause?: unknown): BrainjarError {
  return new BrainjarError("jar-file-unreadable", `Jar file can't be read: ${printable(path)}`, {
    hint: why,
    cause,
  });
}

function syntaxError(
  what: string,
  place: string,
  hint = "A jar file is JSON; comments and trailing commas are allowed",
): BrainjarError {
  return new BrainjarError("jar-file-syntax", `${what} at ${place}`, { hint });
}

/**
 * Whether an error may have words of a file that is no jar file at all. One that `extends` or a link
 * leads to may be anything that whoever runs this can read, a file of passwords too.
 */
function mayQuote(path: string, { isExtended }: ReadSourceOptions): boolean {
  return !isExtended && !Deno.lstatSync(path).isSymlink;
}

/** The parser's error, with a place instead of a position. */
function parserError(
  cause: unknown,
  text: string,
  placeOfOffset: (offset: number) => string,
  quotes: boolean,
): BrainjarError {
  const match = /unexpected token "([\s\S]*)" in JSONC at position (\d+)$/.exec(messageOf(cause));
  if (match === null) return syntaxError("Unexpected end", placeOfOffset(text.length));
  const [, token = "", position = "0"] = match;
  return syntaxError(
    `Unexpected ${quotes ? printable(token) : "text"}`,
    placeOfOffset(Number(position)),
  );
}
