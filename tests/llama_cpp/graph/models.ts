import type { GgufHeader, MetadataType, MetadataValue } from "../../../src/gguf/header.ts";
import type { KvCacheType } from "../../../src/llama_cpp/ggml/types.ts";
import type { FootprintOptions } from "../../../src/llama_cpp/options.ts";

/** One setting, and the compute buffer that llama.cpp planned for it, in bytes. */
export interface PlannedBuffer {
  readonly options: FootprintOptions;
  readonly bytes: number;
}

/** A header and what llama.cpp planned for it. */
export interface PlannedModel {
  readonly name: string;
  readonly header: GgufHeader;
  readonly buffers: readonly PlannedBuffer[];
}

interface Row {
  readonly name: string;
  readonly metadata: Record<
    string,
    Exclude<MetadataValue, object> | { elementType: MetadataType; values: number[] }
  >;
  readonly tensors: readonly [string, number[], number][];
  readonly rows: readonly [number, number, number, boolean, KvCacheType, number][];
}

function toHeader({ metadata, tensors }: Row): GgufHeader {
  const entries = Object.entries(metadata).map(([key, value]): [string, MetadataValue] => [
    key,
    typeof value === "object"
      ? { ...value, length: value.values.length, bytes: value.values.length * 4 }
      : value,
  ]);
  return {
    version: 3,
    byteOrder: "little",
    alignment: 32,
    metadata: new Map(entries),
    tensors: tensors.map(([name, dimensions, type]) => ({
      name,
      dimensions,
      type,
      offset: 0,
      part: 0,
    })),
    parts: [{ path: "model.gguf", fileBytes: 0, dataOffset: 0 }],
    fileBytes: 0,
  };
}

/**
 * Headers of llama.cpp's own test models, widened (more heads, layers, experts and vocabulary than
 * its test has), one for each architecture, with the buffers that llama.cpp planned for them.
 */
export async function plannedModels(): Promise<PlannedModel[]> {
  const file = await Deno.open(new URL("../../../fixtures/truth/graphs.jsonl.gz", import.meta.url));
  const text = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip")))
    .text();
  return text.trim().split("\n").map((line) => {
    const row: Row = JSON.parse(line);
    return {
      name: row.name,
      header: toHeader(row),
      buffers: row.rows.map(
        ([contextSize, batchSize, sequences, flashAttention, type, bytes]) => ({
          options: {
            contextSize,
            batchSize,
            sequences,
            flashAttention,
            kvCacheKeyType: type,
            kvCacheValueType: type,
            mmap: true,
          },
          bytes,
        }),
      ),
    };
  });
}
