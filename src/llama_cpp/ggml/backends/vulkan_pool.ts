import { rowCount } from "../layout.ts";
import { F32, type Tensor } from "../tensor.ts";
import { ggmlType } from "../types.ts";

/** Columns are filled up to whole tiles (`ROUNDUP_POW2`); the largest tile has so many. */
const TILE = 128;

/** Parts of a product that are summed up at the end: no more than the processors' tiles. */
const PARTS_BYTES = 8 * 1024 ** 2;

/** Whether its numbers can't be read where they are, or are converted for tensor cores. */
function isConverted(tensor: Tensor): boolean {
  const { blockBytes } = ggmlType(tensor.type);
  return tensor.type === F32 || tensor.s0 !== blockBytes;
}

/**
 * Bytes of the buffers that ggml-vulkan makes for a context when it first computes these nodes
 * (`ggml_vk_preallocate_buffers`): one for what is converted of the left operand, one for the right
 * one, one for parts of products. Each is as large as the largest node needs it; which nodes need it
 * depends on the driver, so it is the most that it can be.
 */
export function vulkanPoolNeed(nodes: readonly Tensor[]): number {
  let left = 0;
  let right = 0;
  for (const { op, sources: [weight, activations] } of nodes) {
    if ((op !== "MUL_MAT" && op !== "MUL_MAT_ID") || weight === undefined) continue;
    if (activations === undefined) continue;
    const columns = op === "MUL_MAT" && activations.n1 > 8
      ? Math.ceil(activations.n1 / TILE) * TILE * activations.n2 * activations.n3
      : rowCount(activations);
    right = Math.max(right, activations.n0 * columns * 2);
    if (isConverted(weight)) left = Math.max(left, weight.elements * 2);
  }
  return left + right + (right > 0 ? PARTS_BYTES : 0);
}
