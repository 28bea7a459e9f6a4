import type { LoadedWeight } from "../llama_cpp/memory/weights.ts";

/** Bytes of the weights that lie in memory in another layout (CPU_REPACK). */
export function repackedBytes(weights: readonly LoadedWeight[]): number {
  return weights.reduce((bytes, weight) => bytes + (weight.repacked ? weight.bytes : 0), 0);
}
