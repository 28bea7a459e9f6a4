/** Block layout of a ggml type. */
export interface GgmlType {
  readonly name: string;
  /** Bytes of one block. */
  readonly blockBytes: number;
  /** Elements of one block. */
  readonly blockElements: number;
}

/**
 * Every type that a GGUF tensor may have, by its number in the file (ggml.h's `enum ggml_type`
 * and ggml.c's type traits, llama.cpp). Numbers that ggml gave up are missing.
 */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  [0, { name: "F32", blockBytes: 4, blockElements: 1 }],
  [1, { name: "F16", blockBytes: 2, blockElements: 1 }],
  [2, { name: "Q4_0", blockBytes: 18, blockElements: 32 }],
  [3, { name: "Q4_1", blockBytes: 20, blockElements: 32 }],
  [6, { name: "Q5_0", blockBytes: 22, blockElements: 32 }],
  [7, { name: "Q5_1", blockBytes: 24, blockElements: 32 }],
  [8, { name: "Q8_0", blockBytes: 34, blockElements: 32 }],
  [9, { name: "Q8_1", blockBytes: 36, blockElements: 32 }],
  [10, { name: "Q2_K", blockBytes: 84, blockElements: 256 }],
  [11, { name: "Q3_K", blockBytes: 110, blockElements: 256 }],
  [12, { name: "Q4_K", blockBytes: 144, blockElements: 256 }],
  [13, { name: "Q5_K", blockBytes: 176, blockElements: 256 }],
  [14, { name: "Q6_K", blockBytes: 210, blockElements: 256 }],
  [15, { name: "Q8_K", blockBytes: 292, blockElements: 256 }],
  [16, { name: "IQ2_XXS", blockBytes: 66, blockElements: 256 }],
  [17, { name: "IQ2_XS", blockBytes: 74, blockElements: 256 }],
  [18, { name: "IQ3_XXS", blockBytes: 98, blockElements: 256 }],
  [19, { name: "IQ1_S", blockBytes: 50, blockElements: 256 }],
  [20, { name: "IQ4_NL", blockBytes: 18, blockElements: 32 }],
  [21, { name: "IQ3_S", blockBytes: 110, blockElements: 256 }],
  [22, { name: "IQ2_S", blockBytes: 82, blockElements: 256 }],
  [23, { name: "IQ4_XS", blockBytes: 136, blockElements: 256 }],
  [24, { name: "I8", blockBytes: 1, blockElements: 1 }],
  [25, { name: "I16", blockBytes: 2, blockElements: 1 }],
  [26, { name: "I32", blockBytes: 4, blockElements: 1 }],
  [27, { name: "I64", blockBytes: 8, blockElements: 1 }],
  [28, { name: "F64", blockBytes: 8, blockElements: 1 }],
  [29, { name: "IQ1_M", blockBytes: 56, blockElements: 256 }],
  [30, { name: "BF16", blockBytes: 2, blockElements: 1 }],
  [34, { name: "TQ1_0", blockBytes: 54, blockElements: 256 }],
  [35, { name: "TQ2_0", blockBytes: 66, blockElements: 256 }],
  [39, { name: "MXFP4", blockBytes: 17, blockElements: 32 }],
  [40, { name: "NVFP4", blockBytes: 36, blockElements: 64 }],
  [41, { name: "Q1_0", blockBytes: 18, blockElements: 128 }],
  [42, { name: "Q2_0", blockBytes: 18, blockElements: 64 }],
]);

/** Types a KV cache can have. */
export const KV_CACHE_TYPES = [
  "F32",
  "F16",
  "BF16",
  "Q8_0",
  "Q5_1",
  "Q5_0",
  "Q4_1",
  "Q4_0",
  "IQ4_NL",
] as const;

/** A type that llama.cpp keeps a KV cache in. */
export type KvCacheType = (typeof KV_CACHE_TYPES)[number];
