/** Bytes of a length field. */
export const LENGTH_BYTES = 8;

/** llama.cpp's limit for a string: longer ones end the walk where they stand. */
export const LONGEST_WALKED = 2 ** 30;

/**
 * Walks over the strings whose length fields start at or before `last`, at most `count` of them, by
 * their length fields alone. It ends early at a string of more than `LONGEST_WALKED` bytes.
 *
 * @returns where the next length field starts, which may be past `last`, and how many are left
 */
export type WalkLengths = (
  view: DataView,
  position: number,
  last: number,
  count: number,
) => readonly [position: number, left: number];

/** `WalkLengths` in TypeScript: for big-endian files, and what the module is compared with. */
export function walkLengths(
  view: DataView,
  position: number,
  last: number,
  count: number,
  littleEndian: boolean,
): [position: number, left: number] {
  const low = littleEndian ? 0 : 4;
  const high = 4 - low;
  let at = position;
  let left = count;
  while (left > 0 && at <= last) {
    const length = view.getUint32(at + low, littleEndian);
    if (length > LONGEST_WALKED || view.getUint32(at + high, littleEndian) !== 0) break;
    at += LENGTH_BYTES + length;
    left--;
  }
  return [at, left];
}
