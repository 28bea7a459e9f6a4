/**
 * Side of the matrix that rotates heads of this length before they are quantized: the largest
 * power of two from 64 that divides the head (llama-kv-cache.cpp). A header may claim heads of
 * nothing, which everything divides.
 */
export function rotationSide(headLength: number): number {
  let side = 64;
  while (headLength > 0 && headLength % (side * 2) === 0) side *= 2;
  return side;
}
