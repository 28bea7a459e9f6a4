import type { TranscriptFiles } from "./transcript_files.ts";

/** A line of a transcript as it stands in its file. */
export interface Line {
  /** Of its first byte, counted over all files. */
  readonly offset: number;
  /** Of the first byte after it and its line break. */
  readonly end: number;
  /** Without its line break; absent where it is longer than {@link LONGEST_LINE}. */
  readonly bytes?: Uint8Array;
  /** False for a last line that was cut off, or is being written. */
  readonly isEnded: boolean;
}

/**
 * The longest line that is read, in bytes. A thought of a million tokens has about 5 MB; what is longer
 * was written by something else, and a file may be somebody else's.
 */
export const LONGEST_LINE = 16 * 1024 * 1024;

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;

const LINE_BREAK = 10;

/**
 * The lines between two offsets, read as they are asked for: never more than one chunk and one line is
 * in memory. A line's bytes are its own until the next one is asked for.
 */
export async function* linesOf(
  files: Pick<TranscriptFiles, "read" | "size">,
  from: number,
  to: number = files.size,
): AsyncGenerator<Line, void, undefined> {
  const chunk = new Uint8Array(Math.min(CHUNK, Math.max(1, to - from)));
  // Of a line that begins before this chunk.
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let start = from;
  let offset = from;
  while (offset < to) {
    const read = await files.read(offset, chunk.subarray(0, Math.min(chunk.length, to - offset)));
    // A file that was shortened meanwhile ends here.
    if (read === 0) break;
    let at = 0;
    for (;;) {
      const lineBreak = chunk.subarray(at, read).indexOf(LINE_BREAK);
      if (lineBreak < 0) break;
      const bytes = lineBytes(begun, begunBytes, chunk.subarray(at, at + lineBreak));
      at += lineBreak + 1;
      yield { offset: start, end: offset + at, ...bytes, isEnded: true };
      start = offset + at;
      begun = [];
      begunBytes = 0;
    }
    begunBytes += read - at;
    if (begunBytes <= LONGEST_LINE) begun.push(chunk.slice(at, read));
    else begun = [];
    offset += read;
  }
  if (start < offset) {
    const bytes = lineBytes(begun, begunBytes, new Uint8Array());
    yield { offset: start, end: offset, ...bytes, isEnded: false };
  }
}

function lineBytes(
  begun: readonly Uint8Array[],
  begunBytes: number,
  last: Uint8Array,
): Pick<Line, "bytes"> {
  const length = begunBytes + last.length;
  if (length > LONGEST_LINE) return {};
  if (begunBytes === 0) return { bytes: last };
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of [...begun, last]) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes };
}
