import type { Cursor } from "./cursor.ts";
import { CORRUPT_HINT, fault } from "./fault.ts";
import { LENGTH_BYTES, walkLengths } from "./walk_lengths.ts";

/** A count that 31 bits hold: longer arrays are walked in several calls. */
const MOST_AT_ONCE = 2 ** 30;

/**
 * Walks over `count` strings by their length fields, without touching their text, and returns the
 * bytes of text.
 */
export async function walkStrings(cursor: Cursor, count: number): Promise<number> {
  const { view, walkLittle } = cursor.window;
  const start = cursor.offset;
  let left = count;
  while (left > 0) {
    if (cursor.lacks(LENGTH_BYTES)) {
      const waiting = cursor.prepare(LENGTH_BYTES);
      if (waiting !== undefined) await waiting;
    }
    cursor.expect(LENGTH_BYTES);
    const last = cursor.end - LENGTH_BYTES;
    const most = Math.min(left, MOST_AT_ONCE);
    const [position, notWalked] = cursor.littleEndian
      ? walkLittle(view, cursor.position, last, most)
      : walkLengths(view, cursor.position, last, most, false);
    cursor.position = position;
    left -= most - notWalked;
    const stopped = notWalked > 0 && position <= last;
    if (stopped || cursor.remaining < 0) throw pastTheEnd(cursor, count - left, count);
  }
  return cursor.offset - start - count * LENGTH_BYTES;
}

function pastTheEnd(cursor: Cursor, index: number, count: number) {
  return fault(
    "gguf-lying-length",
    `Model file ${cursor.source.path} claims a text that goes past the end of the file, about string ` +
      `${index + 1} of ${count} of ${cursor.place()}`,
    CORRUPT_HINT,
  );
}
