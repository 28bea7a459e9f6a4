import { type GgmlType, rowBytes } from "./types.ts";
import { padTo, TENSOR_ALIGNMENT } from "./tensor_bytes.ts";

/** How one kind of buffer lays tensors out (ggml-backend-impl.h, `ggml_backend_buffer_type_i`). */
export interface BufferType {
  /** Every tensor starts at a multiple of this many bytes. */
  readonly alignment: number;
  /** Bytes of the largest buffer that it gives; what doesn't fit goes into another one. */
  readonly largestBytes: number;
  /** Elements of which quantized rows are made whole, since kernels read that far; 1 for none. */
  readonly rowPadding: number;
}

/** RAM, pinned or not: ggml-cpu's own, which the host buffers of devices take over. */
export const RAM_BUFFER: BufferType = {
  alignment: TENSOR_ALIGNMENT,
  largestBytes: Infinity,
  rowPadding: 1,
};

/** A tensor as far as it decides how much room it gets. */
export interface Extent {
  readonly type: GgmlType;
  /** Elements of a row. */
  readonly n0: number;
  /** Its bytes themselves. */
  readonly bytes: number;
}

/** Bytes that a tensor asks for in such a buffer, before they are aligned (`get_alloc_size`). */
export function askedBytes({ rowPadding }: BufferType, { type, n0, bytes }: Extent): number {
  if (rowPadding === 1 || type.blockElements === 1 || n0 % rowPadding === 0) return bytes;
  return bytes + rowBytes(type, rowPadding - n0 % rowPadding);
}

/** Bytes that a tensor takes in such a buffer. */
export function bufferBytes(buffer: BufferType, extent: Extent): number {
  return padTo(askedBytes(buffer, extent), buffer.alignment);
}
