import { arrayOf, type GgufHeader, textOf } from "../gguf/header.ts";

const MIB = 1024 ** 2;

/** What a tokenizer takes at each stage of loading a model, in whole bytes. */
interface VocabularyMemory {
  /** JavaScript's, while node-llama-cpp reads the header. */
  readonly reading: number;
  /** JavaScript's, once that is done, until the model is loaded. */
  readonly read: number;
  /** llama.cpp's at its highest: the file's strings and the maps that are built from them. */
  readonly building: number;
  /** llama.cpp's for as long as the model is loaded. */
  readonly kept: number;
}

/** How many elements an array of the tokenizer has, and bytes of their texts. */
function count(header: GgufHeader, name: string): { length: number; bytes: number } {
  return arrayOf(header, `tokenizer.ggml.${name}`) ?? { length: 0, bytes: 0 };
}

/*
 * Bytes of one token, merge and byte of text, after the structures of llama-vocab.cpp on 64-bit
 * glibc: a token has a node of `token_to_id` (64 with malloc's header), its bucket, `token_data`
 * (40) and a piece (32), of which long texts lie elsewhere; a merge a node of `bpe_ranks` with
 * both halves (96), its bucket and halves beyond 15 bytes. While building there are the file's own
 * strings besides (32 each, gguf.cpp's `gguf_kv`). Calibrated on the 13 vocabularies of
 * llama.cpp's models/ggml-vocab-*.gguf, whose measured sizes tests/footprint has.
 */
const KEPT = { token: 117, merge: 118, text: 4.2 };
const BUILDING = { token: 122, merge: 166, text: 8 };
const NATIVE_BYTES = 2.2 * MIB;

/** A T5 tokenizer's trie: a `std::map` for each letter that isn't shared (llm_tokenizer_ugm). */
const TRIE_BYTES_PER_TEXT = 36;

/**
 * Bytes of a JavaScript string or number in its array, after V8's own layout, and 8 more for what a
 * collection leaves where the processors are busy (seen in one load of 30).
 */
const READ = { token: 48, merge: 44, score: 13 };

/** The header is read in pieces of this size (node-llama-cpp's `defaultExtraAllocationSize`). */
const PIECE_BYTES = 4.2 * MIB;

/** Bytes that reading one element leaves behind until the next piece; and what any header takes. */
const GARBAGE_PER_ELEMENT = 95;
const READING_BYTES = 15 * MIB;

/**
 * What the tokenizer of a model takes in memory, from how many tokens and merges it has and how
 * long their texts are; a model without one takes a little all the same.
 */
export function vocabularyMemory(header: GgufHeader): VocabularyMemory {
  const tokens = count(header, "tokens");
  const merges = count(header, "merges");
  const scores = count(header, "scores");
  const counts = [tokens, merges, scores, count(header, "token_type")];
  const elements = counts.reduce((sum, { length }) => sum + length, 0);
  const bytes = counts.reduce((sum, counted) => sum + counted.bytes, 0) +
    8 * (tokens.length + merges.length);
  const trie = textOf(header, "tokenizer.ggml.model") === "t5"
    ? TRIE_BYTES_PER_TEXT * tokens.bytes
    : 0;
  const native = (each: typeof KEPT) =>
    Math.ceil(
      NATIVE_BYTES + each.token * tokens.length + each.merge * merges.length +
        each.text * tokens.bytes + trie,
    );
  const read = READ.token * tokens.length + READ.merge * merges.length +
    READ.score * scores.length + tokens.bytes + merges.bytes;
  // The last piece's garbage lies on top of what was read before it.
  const piece = bytes > 0 ? Math.min(1, PIECE_BYTES / bytes) : 1;
  return {
    reading: Math.ceil(READING_BYTES + GARBAGE_PER_ELEMENT * elements * piece + read * (1 - piece)),
    read: Math.ceil(read),
    building: native(BUILDING),
    kept: native(KEPT),
  };
}
