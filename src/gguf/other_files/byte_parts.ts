import { BrainjarError } from "../../budget/error.ts";
import { fault } from "../fault.ts";
import type { GgufHeader } from "../header.ts";
import { listNames } from "../list_names.ts";
import { fileSource } from "../sources/file.ts";
import type { ByteSource } from "../sources/source.ts";
import { isUrl, pathOf, shownUrl } from "../sources/url.ts";
import { type BytePartName, bytePartNames } from "./byte_part_name.ts";
import { formatOf, START_BYTES } from "./formats.ts";
import { shellWord } from "./shell_word.ts";

/** Nobody cuts a file into more: such a number means something else. */
const MOST_PARTS = 1000;

/** A piece of a file that was cut by bytes, and where the others lie. */
interface BytePart {
  readonly name: BytePartName;
  /** With its last separator; empty for the working folder. */
  readonly folder: string;
  /** The pieces that are there, by the number in their names. */
  readonly present: ReadonlyMap<number, string>;
  /** The number of the first one: names count from 0 or from 1. */
  readonly first: number;
  /** How many there are, as far as that can be known. */
  readonly count: number;
}

/** Reads the header at a source's front, or throws what is wrong with it. */
export type DecodeSource = (source: ByteSource) => Promise<Pick<GgufHeader, "metadata">>;

/**
 * The error for a piece of a file that was cut by bytes (by split(1), or for a hub's largest size),
 * with the command that joins the pieces; nothing where the file isn't one.
 *
 * The first piece has a header and ends too early, the others have none: so it is asked only about
 * files that can't be read.
 *
 * @param decode Reads a header: tried on all pieces together.
 */
export async function bytePartFault(
  location: string,
  error: BrainjarError,
  decode: DecodeSource,
): Promise<BrainjarError | undefined> {
  const part = findPart(location);
  if (part === undefined) return undefined;
  const { name, folder, present, first, count } = part;
  const place = name.number - first + 1;
  // A first piece that doesn't begin as a model is something else, whatever its name.
  if (place === 1 && error.code === "gguf-bad-magic" && !isArchive(name)) return undefined;
  const isCounted = name.count !== undefined;
  const of = isUrl(location) && !isCounted ? "several" : count;
  const shown = isUrl(location) ? shownUrl(location) : location;
  const fail = (hint: string) =>
    fault(
      "gguf-byte-part",
      `Not a whole model: ${shown} is part ${place} of ${of}, cut by bytes`,
      hint,
      error,
    );

  const names = Array.from({ length: count }, (_, index) => name.nameOf(first + index));
  if (isUrl(location)) {
    return fail(
      isCounted
        ? `Download all parts and join them: ${joiningCommand(names, name.whole)}`
        : "Download all parts and join them with cat, in their order",
    );
  }
  const paths = names.map((name) => folder + name);
  const whole = folder + name.whole;
  const joining = isArchive(name)
    ? `Unpack them: 7z x ${shellWord(paths[0] ?? location)}`
    : `Join the parts first: ${joiningCommand(paths, whole)}`;
  const missing = names.filter((_, index) => !present.has(first + index));
  if (missing.length > 0) {
    if (!name.certain && !await isPiece(location, place, error, decode)) return undefined;
    return fail(`Download ${listNames(missing)} too, into the same folder. ${joining}`);
  }
  if (isArchive(name)) return fail(joining);
  const failure = await failureOfJoined(paths, decode);
  if (failure === undefined) {
    return fail(isJoined(whole, paths) ? `They have been joined already: give ${whole}` : joining);
  }
  if (failure.code === "gguf-truncated" || failure.code === "gguf-cut-off") {
    return fail(
      isCounted
        ? "Together they end too early: one of them is shorter than it should be. Download that " +
          `one again. ${joining}`
        : `Download the parts behind ${names.at(-1)} too: the model goes on behind it. Then join ` +
          "them all with cat, in their order",
    );
  }
  // A name that may mean anything proves nothing.
  return name.certain ? fail(`Joined they are no model either: ${failure.message}`) : undefined;
}

/**
 * Whether a file that is called as llama.cpp's own split calls parts was cut by bytes instead: that
 * split's parts begin as GGUF, and the first says how many there are.
 */
async function isPiece(
  path: string,
  place: number,
  error: BrainjarError,
  decode: DecodeSource,
): Promise<boolean> {
  const source = fileSource(path);
  try {
    if (place > 1) {
      const start = new Uint8Array(START_BYTES);
      const length = await source.read(0, start);
      return error.code === "gguf-bad-magic" && formatOf(start.subarray(0, length)) === undefined;
    }
    // As if the tensors' data were there.
    const { metadata } = await decode({ ...source, size: Number.MAX_SAFE_INTEGER });
    return !metadata.has("split.count");
  } catch (error) {
    if (error instanceof BrainjarError) return false;
    throw error;
  } finally {
    source.close();
  }
}

function joiningCommand(parts: readonly string[], whole: string): string {
  return `cat ${parts.map(shellWord).join(" ")} > ${shellWord(whole)}`;
}

/** A file that is a piece of another by its name, and where needed by what lies beside it. */
function findPart(location: string): BytePart | undefined {
  const path = pathOf(location);
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folder = path.slice(0, at);
  const fileName = path.slice(at);
  const siblings = isUrl(location) ? [fileName] : filesIn(folder);
  for (const name of bytePartNames(fileName)) {
    const present = new Map<number, string>();
    for (const sibling of siblings) {
      for (const other of bytePartNames(sibling)) {
        if (other.style === name.style) present.set(other.number, sibling);
      }
    }
    present.set(name.number, fileName);
    // Numbers count from 0 where there is a 0, else from 1.
    const first = name.byLetters || present.has(0) ? 0 : 1;
    const last = name.count === undefined ? Math.max(...present.keys()) : first + name.count - 1;
    const count = last - first + 1;
    if (name.number < first || name.number > last || count > MOST_PARTS) continue;
    // A name that may mean anything is a part's only where no part is missing, or where it counts.
    const isWhole = present.size > 1 && present.size === count;
    if (!name.certain && !isWhole && name.count === undefined) continue;
    // Parts by llama.cpp's own split have a header each.
    if (
      !name.certain &&
      [...present].some(([number, other]) => number !== first && startsAsGguf(folder + other))
    ) continue;
    return { name, folder, present, first, count };
  }
  return undefined;
}

function filesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder || ".")].filter((entry) => !entry.isDirectory)
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function isArchive(name: BytePartName): boolean {
  return !/\.gguf$/i.test(name.whole);
}

function startsAsGguf(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const start = new Uint8Array(4);
    return file.readSync(start) === 4 && new TextDecoder().decode(start) === "GGUF";
  } catch {
    return false;
  }
}

/** Why the pieces aren't a model when they are joined; nothing where they are. */
async function failureOfJoined(
  paths: readonly string[],
  decode: DecodeSource,
): Promise<{ readonly code?: string; readonly message: string } | undefined> {
  const sources: ByteSource[] = [];
  try {
    for (const path of paths) sources.push(fileSource(path));
    await decode(joinedSource(sources));
    return undefined;
  } catch (error) {
    if (error instanceof BrainjarError) return error;
    throw error;
  } finally {
    for (const source of sources) source.close();
  }
}

/** Sources one behind the other, as `cat` would join them. */
function joinedSource(sources: readonly ByteSource[]): ByteSource {
  return {
    path: "the joined parts",
    size: sources.reduce((sum, { size }) => sum + size, 0),
    read(offset, into) {
      let start = 0;
      for (const source of sources) {
        if (offset < start + source.size) return source.read(offset - start, into);
        start += source.size;
      }
      return 0;
    },
    close() {},
  };
}

/** Whether a file is there that is as long as the pieces together. */
function isJoined(path: string, parts: readonly string[]): boolean {
  try {
    const sum = parts.reduce((bytes, part) => bytes + Deno.statSync(part).size, 0);
    return Deno.statSync(path).size === sum;
  } catch {
    return false;
  }
}
