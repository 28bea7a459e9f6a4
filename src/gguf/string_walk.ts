import type { Cursor } from "./cursor.ts";
import { CORRUPT_HINT, fault } from "./fault.ts";

/** Bytes of a length field. */
const LENGTH_BYTES = 8;

/**
 * Walks over `count` strings by their length fields, without touching their text, and returns the
 * bytes of text.
 */
export async function walkStrings(cursor: Cursor, count: number): Promise<number> {
  const start = cursor.offset;
  let left = count;
  while (left > 0) {
    if (!cursor.has(LENGTH_BYTES)) {
      await cursor.prepare(LENGTH_BYTES);
      cursor.expect(LENGTH_BYTES);
    }
    left = walkWindow(cursor, left);
    if (cursor.remaining < 0) {
      throw fault(
        "gguf-lying-length",
        `${cursor.source.path} claims a text that ends at byte ${cursor.offset}, past the end of ` +
          `the file, in string ${count - left} of ${count} of ${cursor.place()}`,
        CORRUPT_HINT,
      );
    }
  }
  return cursor.offset - start - count * LENGTH_BYTES;
}

/**
 * Walks the strings whose length fields are in the window and returns how many are left. This loop
 * runs once for every token and merge, so it has no calls and no conversions.
 */
function walkWindow(cursor: Cursor, count: number): number {
  const { view, littleEndian } = cursor;
  const last = cursor.end - LENGTH_BYTES;
  const low = littleEndian ? 0 : 4;
  const high = 4 - low;
  let position = cursor.position;
  let left = count;
  let huge = 0;
  while (left > 0 && position <= last) {
    huge = view.getUint32(position + high, littleEndian);
    if (huge !== 0) break;
    position += LENGTH_BYTES + view.getUint32(position + low, littleEndian);
    left--;
  }
  // Such a length ends past any file: the caller sees that and refuses it.
  if (huge !== 0) {
    position += huge * 2 ** 32;
    left--;
  }
  cursor.position = position;
  return left;
}
