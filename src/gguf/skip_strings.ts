/** Bytes of a length field. */
export const LENGTH_BYTES = 8;

/** llama.cpp's limit for a string: a longer one ends the skipping where it stands. */
const LONGEST_SKIPPED = 2 ** 30;

/**
 * Skips the strings whose length fields start at or before `last`, at most `count` of them, by their
 * length fields alone. It ends early at a string of more than 2^30 bytes.
 *
 * @returns where the next length field starts, which may be past `last`, and how many are left
 */
export type SkipStrings = (
  view: DataView,
  position: number,
  last: number,
  count: number,
) => readonly [position: number, left: number];

/** `SkipStrings` in TypeScript: for big-endian files, and what the module is compared with. */
export function stringSkipper(littleEndian: boolean): SkipStrings {
  const low = littleEndian ? 0 : 4;
  const high = 4 - low;
  return (view, position, last, count) => {
    let at = position;
    let left = count;
    while (left > 0 && at <= last) {
      const length = view.getUint32(at + low, littleEndian);
      if (length > LONGEST_SKIPPED || view.getUint32(at + high, littleEndian) !== 0) break;
      at += LENGTH_BYTES + length;
      left--;
    }
    return [at, left];
  };
}
