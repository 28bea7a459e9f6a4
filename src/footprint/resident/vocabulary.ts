import type { GgufHeader } from "../../gguf/header.ts";

/** Bytes of one token in llama.cpp's maps and node-llama-cpp's, beside its text. */
const TOKEN_BYTES = 900;

/** Bytes of one merge in llama.cpp's map, beside its text. */
const MERGE_BYTES = 420;

/** A text is kept in several maps. */
const TEXT_COPIES = 4;

/**
 * Bytes that the tokenizer takes at load, from how many tokens and merges there are and how long
 * their texts; measured on llama.cpp's own vocabularies.
 */
export function vocabularyBytes(header: GgufHeader): number {
  const size = (name: string, each: number) => {
    const value = header.metadata.get(`tokenizer.ggml.${name}`);
    return typeof value === "object" ? value.length * each + value.bytes * TEXT_COPIES : 0;
  };
  return size("tokens", TOKEN_BYTES) + size("merges", MERGE_BYTES);
}
