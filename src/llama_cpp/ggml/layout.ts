import { ggmlType, rowBytes } from "./types.ts";
import type { Tensor } from "./tensor.ts";

/** Bytes that a tensor spans, its gaps among them (ggml.c, `ggml_nbytes`). */
export function spannedBytes(tensor: Tensor): number {
  const { n0, n1, n2, n3, s0, s1, s2, s3 } = tensor;
  if (n0 <= 0 || n1 <= 0 || n2 <= 0 || n3 <= 0) return 0;
  const { blockBytes, blockElements } = ggmlType(tensor.type);
  const row = blockElements === 1
    ? blockBytes + (n0 - 1) * s0
    : Math.floor(n0 * s0 / blockElements);
  return row + (n1 - 1) * s1 + (n2 - 1) * s2 + (n3 - 1) * s3;
}

/** Rows of a tensor (`ggml_nrows`). */
export function rowCount({ n1, n2, n3 }: Tensor): number {
  return n1 * n2 * n3;
}

/** Whether the elements of each row lie side by side (`ggml_is_contiguous_rows`). */
export function hasContiguousRows(tensor: Tensor): boolean {
  const { blockBytes, blockElements } = ggmlType(tensor.type);
  return tensor.n0 === blockElements || tensor.s0 === blockBytes;
}

/**
 * Whether a tensor has no gaps but after the rows of dimensions up to `free` (`ggml_is_contiguous_n`):
 * 0 for none at all.
 */
export function isContiguousBeyond(tensor: Tensor, free: 0 | 1 | 2): boolean {
  if (!hasContiguousRows(tensor)) return false;
  const { n1, n2, n3, s1, s2, s3 } = tensor;
  let next = rowBytes(ggmlType(tensor.type), tensor.n0);
  if (free < 1 && n1 !== 1 && s1 !== next) return false;
  next = free < 1 ? next * n1 : n1 * s1;
  if (free < 2 && n2 !== 1 && s2 !== next) return false;
  next = free < 2 ? next * n2 : n2 * s2;
  return n3 === 1 || s3 === next;
}

/** What only looks into another's memory. */
export function isViewOperation({ op }: Tensor): boolean {
  return op === "VIEW" || op === "RESHAPE" || op === "PERMUTE" || op === "TRANSPOSE";
}

/** The tensor whose memory it is in: its own, or that of which it is a view. */
export function baseOf(tensor: Tensor): Tensor {
  return tensor.root ?? tensor;
}
