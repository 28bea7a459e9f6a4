import { rowCount } from "../layout.ts";
import type { Tensor } from "../tensor.ts";

/** Rows of a batch from which it is worth while to copy weights for it (GGML_OP_OFFLOAD_MIN_BATCH). */
export const LEAST_BATCH = 32;

/** Rows that an operation computes at once, as ggml-cuda, ggml-vulkan and ggml-metal count them. */
export function batchRows(tensor: Tensor): number {
  switch (tensor.op) {
    case "GET_ROWS":
      return 0;
    case "MUL_MAT":
      return tensor.n1;
    case "MUL_MAT_ID":
    case "ROPE":
    case "ROPE_BACK":
      return tensor.n2;
    default:
      return rowCount(tensor);
  }
}
