import { rowCount } from "../layout.ts";
import { F32, type Tensor } from "../tensor.ts";
import { ggmlType, isQuantized, rowBytes } from "../types.ts";

/** Columns are filled up to whole tiles (`ROUNDUP_POW2`); the largest tile has so many. */
const TILE = 128;

/** Parts of a product, or of attention, that are summed up at the end: as many as processors do. */
const PARTS_BYTES = 8 * 1024 ** 2;

/** Columns beyond which a row isn't sorted by one group of threads. */
const SORTED_AT_ONCE = 1024;

/**
 * Whether it is converted to halves before it is multiplied: what doesn't lie row by row
 * (`ggml_vk_dim01_contiguous`), and, for tensor cores, single precision.
 */
function isConverted(tensor: Tensor): boolean {
  const layout = ggmlType(tensor.type);
  const hasRows = tensor.s0 === layout.blockBytes && tensor.s1 === rowBytes(layout, tensor.n0);
  return tensor.type === F32 || !hasRows ||
    (tensor.n3 !== 1 && tensor.s3 !== tensor.s2 * tensor.n2);
}

/** Bytes of what is made of the left and of the right operand of one node. */
function converted({ op, sources: [first, second, third] }: Tensor): readonly [number, number] {
  if (first === undefined) return [0, 0];
  switch (op) {
    case "MUL_MAT":
    case "MUL_MAT_ID": {
      if (second === undefined) return [0, 0];
      const columns = op === "MUL_MAT" && second.n1 > 8
        ? Math.ceil(second.n1 / TILE) * TILE * second.n2 * second.n3
        : rowCount(second);
      return [isConverted(first) ? first.elements * 2 : 0, second.n0 * columns * 2];
    }
    case "FLASH_ATTN_EXT": {
      if (second === undefined || third === undefined) return [0, 0];
      return [isQuantized(second.type) ? (second.elements + third.elements) * 2 : 0, 0];
    }
    case "ARGSORT":
    case "TOP_K": {
      if (first.n0 <= SORTED_AT_ONCE) return [0, 0];
      return [2 ** Math.ceil(Math.log2(first.n0)) * rowCount(first) * 8, 0];
    }
    default:
      return [0, 0];
  }
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
  for (const node of nodes) {
    const [ofLeft, ofRight] = converted(node);
    left = Math.max(left, ofLeft);
    right = Math.max(right, ofRight);
  }
  return left + right + (right > 0 ? PARTS_BYTES : 0);
}
