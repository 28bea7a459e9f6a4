import { BrainjarError } from "../../budget/error.ts";
import type { TensorInfo } from "../../gguf/header.ts";
import { GGML_TYPES, rowBytes } from "./types.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";

/** ggml's CPU buffers start every tensor at a multiple of this (TENSOR_ALIGNMENT in ggml-cpu). */
export const TENSOR_ALIGNMENT = 32;

/** `bytes` up to the next multiple of `multiple`. */
export function padTo(bytes: number, multiple: number): number {
  return Math.ceil(bytes / multiple) * multiple;
}

/**
 * Bytes of a tensor's weights. Throws a BrainjarError of code `gguf-tensor-type` where ggml has
 * no such type.
 *
 * @example
 * ```ts
 * import { tensorBytes } from "./tensor_bytes.ts";
 * const tensor = { name: "a", dimensions: [64, 3], type: 8, offset: 0, part: 0 };
 * if (tensorBytes(tensor) !== 3 * 2 * 34) throw new Error();
 * ```
 */
export function tensorBytes(tensor: TensorInfo): number {
  const type = GGML_TYPES.get(tensor.type);
  if (type === undefined) {
    throw new BrainjarError(
      "gguf-tensor-type",
      `Tensor "${tensor.name}" has the unknown type ${tensor.type}`,
      { hint: `It needs a newer llama.cpp than ${LLAMA_CPP_VERSION}` },
    );
  }
  const { dimensions } = tensor;
  let bytes = rowBytes(type, dimensions[0] ?? 0);
  for (let index = 1; index < dimensions.length; index++) bytes *= dimensions[index] ?? 1;
  return bytes;
}
