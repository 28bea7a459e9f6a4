import type { TensorInfo } from "../../gguf/header.ts";
import { ggmlType } from "../ggml/types.ts";
import { unloadable } from "./header_keys.ts";

/**
 * Types that no matrix is multiplied in on a processor: those that only results have, and numbers
 * that aren't weights (ggml-cpu.c, types without `vec_dot`).
 */
const NOT_MULTIPLIED = new Set(["Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"]);

/** Tables of whole numbers: which experts a token has, by its number. */
const WHOLE_NUMBERS = /\.ffn_gate_tid2eid\.weight$/;

/** Weights of several rows that are added, multiplied or scanned element by element. */
const ELEMENT_WISE = /(_norm\.weight|\.bias|\.ssm_[ad]|\.ssm_conv1d(_[qkv])?\.weight)$/;

/** A matrix of one row: the gate of an expert that every token passes. */
const MATRIX_OF_ONE_ROW = /\.ffn_gate_inp_shexp\.weight$/;

/**
 * Throws for weights of a type that llama.cpp loads and then can't compute with: it ends the process
 * at the first token. Weights of one row (norms, biases, scales) and some of several are added or multiplied element by
 * element, which ggml does in F32 alone (ggml-cpu's binary-ops.cpp).
 *
 * @throws {BrainjarError} `model-unloadable`
 */
export function checkTensorTypes(tensors: readonly TensorInfo[]): void {
  for (const { name, type, dimensions } of tensors) {
    // F32 can be anything, and most are either it or a matrix.
    if (type === 0) continue;
    const isRow = dimensions.slice(1).every((size) => size === 1) && !MATRIX_OF_ONE_ROW.test(name);
    const typeName = ggmlType(type).name;
    const computes = WHOLE_NUMBERS.test(name)
      ? typeName === "I32"
      : !isRow && !ELEMENT_WISE.test(name) && !NOT_MULTIPLIED.has(typeName);
    if (computes) continue;
    throw unloadable(
      `tensor ${JSON.stringify(name)} is of type ${typeName}, which it can't compute with there`,
      "Make the file again with llama.cpp's own converter and quantizer, or use another file of the model",
    );
  }
}
