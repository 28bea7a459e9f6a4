import { messageOf } from "../../budget/error.ts";
import { TRANSCRIPT_HEAD } from "../transcript.ts";

/** Bytes in which a transcript's first line says what it is; the rest of that line may be longer. */
const HEAD_BYTES = 512;

/** Whether a file begins as every transcript does. */
export function isTranscript(path: string): boolean {
  return TRANSCRIPT_HEAD.test(readText(path, 0, HEAD_BYTES));
}

/** What is under a name; nothing where nothing is. */
export function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** So many bytes of a file as text. */
export function readText(path: string, offset: number, length: number): string {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
}

/** Whether nobody else writes to it; where the file system has no locks, nobody can tell. */
export function lock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

/** What a person may do about a log file that can't be written. */
export function hintFor(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "Make its folder first, or give another --log";
  if (cause instanceof Deno.errors.IsADirectory) {
    return "Give a file's name to --log, not a folder's";
  }
  if (
    cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable
  ) return "Give --log a file that this user may write";
  return messageOf(cause);
}
