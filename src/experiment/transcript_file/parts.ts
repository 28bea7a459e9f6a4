import { BrainjarError } from "../../budget/error.ts";
import { isTranscript, lock } from "./inspect.ts";

/** Older parts that are kept, `FILE.1` the newest of them; the oldest makes room. */
export const MOST_PARTS = 9;

/**
 * Moves a transcript's file out of the way, `FILE` to `FILE.1` and that to `FILE.2`, and opens a new one
 * in its place. What isn't an older part of a transcript, or is being written by another run, is never
 * moved nor written over.
 *
 * @param current the file at `path` as it is open; it stays open
 * @throws {BrainjarError} `log-part-taken`, `log-replaced`; what the file system says
 */
export function nextPart(path: string, current: Deno.FsFile): Deno.FsFile {
  const [found, own] = [Deno.statSync(path), current.statSync()];
  if (found.ino !== own.ino || found.dev !== own.dev) {
    throw new BrainjarError("log-replaced", `Another file is in the log file's place: ${path}`);
  }
  const parts = olderParts(path);
  for (const part of parts) checkPart(part);
  const names = [path, ...parts];
  for (const [index, name] of [...names.entries()].toReversed()) {
    // The oldest is written over.
    if (index < MOST_PARTS) Deno.renameSync(name, `${path}.${index + 1}`);
  }
  return openNew(path);
}

/** The parts that are there, up to the first gap. */
function olderParts(path: string): string[] {
  const parts: string[] = [];
  for (let number = 1; number <= MOST_PARTS; number++) {
    const part = `${path}.${number}`;
    if (!isThere(part)) break;
    parts.push(part);
  }
  return parts;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function checkPart(part: string): void {
  if (!Deno.lstatSync(part).isFile || !isTranscript(part) || !isFree(part)) {
    throw new BrainjarError("log-part-taken", `Another file is in the way: ${part}`);
  }
}

/** Whether no run writes to it. */
function isFree(path: string): boolean {
  using file = Deno.openSync(path);
  return lock(file);
}

/** The new file, and the old one back in its place where there can't be one. */
function openNew(path: string): Deno.FsFile {
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(path, { append: true, createNew: true });
    if (!lock(file)) throw new BrainjarError("log-in-use", `Another run writes to ${path}`);
    return file;
  } catch (error) {
    file?.close();
    if (!isThere(path)) Deno.renameSync(`${path}.1`, path);
    throw error;
  }
}
