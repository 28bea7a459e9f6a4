import { arrayOf, type GgufHeader, type MetadataValue, textOf } from "../../gguf/header.ts";
import { hyperparameterError } from "./architecture_keys.ts";

/** `general.architecture`, or a typed error. */
export function readArchitecture(header: GgufHeader): string {
  const value: MetadataValue = header.metadata.get("general.architecture") ?? "";
  if (typeof value !== "string" || value === "") {
    throw hyperparameterError("general.architecture", value, "the name of an architecture");
  }
  return value;
}

/** Size of a dimension of a tensor, 0 where the header has no such tensor. */
export function tensorDimension(header: GgufHeader, name: string, dimension: number): number {
  return header.tensors.find((tensor) => tensor.name === name)?.dimensions[dimension] ?? 0;
}

/** Number of the layer that a tensor belongs to (`blk.3.attn_q.weight`), -1 for none. */
export function layerOfTensor(name: string): number {
  if (!name.startsWith("blk.")) return -1;
  const end = name.indexOf(".", 4);
  const layer = end < 0 ? NaN : Number(name.slice(4, end));
  return Number.isInteger(layer) && layer >= 0 ? layer : -1;
}

/** Layers that a header's tensors name. */
export function countTensorLayers(header: GgufHeader): number {
  return header.tensors.reduce((most, { name }) => Math.max(most, layerOfTensor(name) + 1), 0);
}

/**
 * Tokens of the vocabulary (llama-vocab.cpp): the length of the list, or `vocab_size` where there
 * is no tokenizer.
 */
export function readVocabularySize(header: GgufHeader, architecture: string): number {
  const list = arrayOf(header, "tokenizer.ggml.tokens");
  const model = textOf(header, "tokenizer.ggml.model");
  const none = model === "none" || model === "no_vocab";
  if (!none && list !== undefined) return list.length;
  const key = `${architecture}.vocab_size`;
  const size = header.metadata.get(key);
  if (size === undefined) return none ? 0 : tensorDimension(header, "token_embd.weight", 1);
  if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size > 2 ** 31) {
    throw hyperparameterError(key, size, "a number of tokens");
  }
  return size;
}
