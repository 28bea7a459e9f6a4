/** GGUF's metadata value types, by their number in the file. */
export const METADATA_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

/** The type of a metadata value. */
export type MetadataType = (typeof METADATA_TYPES)[number];

/**
 * A value with no inner structure. 64-bit integers are `number` while safe (below 2^53), else
 * `bigint`; texts beyond `MAX_TEXT_BYTES` (limits.ts) are cut there.
 */
export type MetadataScalar = number | bigint | boolean | string;

/**
 * An array of the header. Long ones (vocabularies, merges, scores) are skipped and counted, never
 * turned into values.
 */
export interface MetadataArray {
  /** The type of every element. */
  readonly elementType: MetadataType;
  /** Elements in this array. */
  readonly length: number;
  /** Bytes of the elements; for strings the text alone, without the length fields. */
  readonly bytes: number;
  /** The elements, where the array is short enough to keep (per-layer values are). */
  readonly values?: readonly MetadataValue[];
}

/** What one metadata key holds. */
export type MetadataValue = MetadataScalar | MetadataArray;

/** One tensor's entry in the header. */
export interface TensorInfo {
  /** The tensor's name. */
  readonly name: string;
  /** ne0 first, as in the file; 1 to 4 of them, `[1]` for a tensor without any. Zeros may occur. */
  readonly dimensions: readonly number[];
  /** ggml's type number; `llama_cpp/ggml/types.ts` has names and sizes. */
  readonly type: number;
  /** Bytes from the start of its part's tensor data. */
  readonly offset: number;
  /** Which part of a split model holds it, 0 for a whole one. */
  readonly part: number;
}

/** One file of a model. */
export interface GgufPart {
  /** Path or URL. */
  readonly path: string;
  /** Size of this file. */
  readonly fileBytes: number;
  /** Where tensor data starts in this file. */
  readonly dataOffset: number;
}

/** The header of a model: a GGUF file, or all parts of a split one. */
export interface GgufHeader {
  /** The format's version. */
  readonly version: 2 | 3;
  /** Of every number in the file. */
  readonly byteOrder: "little" | "big";
  /** Tensor data alignment in bytes (`general.alignment`, 32 by default). */
  readonly alignment: number;
  /** The first part's metadata, in file order. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** The type of each of them in the file, which llama.cpp insists on. */
  readonly metadataTypes: ReadonlyMap<string, MetadataType>;
  /** All parts' tensors, in file order. */
  readonly tensors: readonly TensorInfo[];
  /** Its files: one, or the parts of a split model in their order. */
  readonly parts: readonly GgufPart[];
  /** Sum over the parts. */
  readonly fileBytes: number;
}

/** The text of a metadata entry; `undefined` where it isn't there or isn't text. */
export function textOf(header: Pick<GgufHeader, "metadata">, key: string): string | undefined {
  const value = header.metadata.get(key);
  return typeof value === "string" ? value : undefined;
}

/** The number of a metadata entry; `undefined` where it isn't there or isn't a safe number. */
export function numberOf(header: Pick<GgufHeader, "metadata">, key: string): number | undefined {
  const value = header.metadata.get(key);
  return typeof value === "number" ? value : undefined;
}

/** The array of a metadata entry; `undefined` where it isn't there or isn't an array. */
export function arrayOf(
  header: Pick<GgufHeader, "metadata">,
  key: string,
): MetadataArray | undefined {
  const value = header.metadata.get(key);
  return typeof value === "object" ? value : undefined;
}
