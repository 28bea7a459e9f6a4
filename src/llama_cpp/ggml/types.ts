/** Block layout of a ggml type. */
export interface GgmlType {
  /** Its number in a file (ggml.h, `enum ggml_type`). */
  readonly number: number;
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
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map(
  ([
    [0, "F32", 4, 1],
    [1, "F16", 2, 1],
    [2, "Q4_0", 18, 32],
    [3, "Q4_1", 20, 32],
    [6, "Q5_0", 22, 32],
    [7, "Q5_1", 24, 32],
    [8, "Q8_0", 34, 32],
    [9, "Q8_1", 36, 32],
    [10, "Q2_K", 84, 256],
    [11, "Q3_K", 110, 256],
    [12, "Q4_K", 144, 256],
    [13, "Q5_K", 176, 256],
    [14, "Q6_K", 210, 256],
    [15, "Q8_K", 292, 256],
    [16, "IQ2_XXS", 66, 256],
    [17, "IQ2_XS", 74, 256],
    [18, "IQ3_XXS", 98, 256],
    [19, "IQ1_S", 50, 256],
    [20, "IQ4_NL", 18, 32],
    [21, "IQ3_S", 110, 256],
    [22, "IQ2_S", 82, 256],
    [23, "IQ4_XS", 136, 256],
    [24, "I8", 1, 1],
    [25, "I16", 2, 1],
    [26, "I32", 4, 1],
    [27, "I64", 8, 1],
    [28, "F64", 8, 1],
    [29, "IQ1_M", 56, 256],
    [30, "BF16", 2, 1],
    [34, "TQ1_0", 54, 256],
    [35, "TQ2_0", 66, 256],
    [39, "MXFP4", 17, 32],
    [40, "NVFP4", 36, 64],
    [41, "Q1_0", 18, 128],
    [42, "Q2_0", 18, 64],
  ] as const).map(([number, name, blockBytes, blockElements]) => [
    number,
    { number, name, blockBytes, blockElements },
  ]),
);

const BY_NUMBER: GgmlType[] = [];
const BY_NAME = new Map<string, GgmlType>();
for (const type of GGML_TYPES.values()) {
  BY_NUMBER[type.number] = type;
  BY_NAME.set(type.name, type);
}
const UNKNOWN_TYPE: GgmlType = { number: 0, name: "F32", blockBytes: 4, blockElements: 1 };

/** A type by its number; one that isn't in the table counts as F32. */
export function ggmlType(number: number): GgmlType {
  return BY_NUMBER[number] ?? UNKNOWN_TYPE;
}

/** A type of a KV cache. */
export function cacheType(name: KvCacheType): GgmlType {
  return BY_NAME.get(name) ?? UNKNOWN_TYPE;
}

/** Bytes of a row of `elements` of a type (ggml.c, `ggml_row_size`). */
export function rowBytes(type: GgmlType, elements: number): number {
  const { blockElements, blockBytes } = type;
  // Elements of a shared batch may be a fraction where sequences don't divide it.
  if (blockElements === 1) return elements * blockBytes;
  return Math.floor(elements / blockElements) * blockBytes;
}

/** Whether a type, by ggml's number, has blocks of several elements. */
export function isQuantized(type: number): boolean {
  return ggmlType(type).blockElements > 1;
}

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
