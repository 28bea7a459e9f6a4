import { graphFile, type GraphModel } from "../../../fixtures/truth/files.ts";
import type { GgufHeader, MetadataValue } from "../../../src/gguf/header.ts";
import type { FootprintOptions } from "../../../src/llama_cpp/options.ts";
import { toContextSetting } from "../../../fixtures/truth/figures.ts";

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

/** A model of fixtures/truth/graphs.jsonl.gz as the reader gives it. */
export function toHeader({ metadata, tensors }: GraphModel): GgufHeader {
  const entries = metadata.map((entry): [string, MetadataValue] => {
    if (entry.type !== "array") return [entry.key, entry.value];
    const { elementType, values } = entry;
    return [entry.key, { elementType, length: values.length, bytes: values.length * 4, values }];
  });
  return {
    version: 3,
    byteOrder: "little",
    alignment: 32,
    metadata: new Map(entries),
    metadataTypes: new Map(metadata.map(({ key, type }) => [key, type])),
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

/** The models of fixtures/truth/graphs.jsonl.gz, without the settings that llama.cpp refuses. */
export async function plannedModels(): Promise<PlannedModel[]> {
  return (await graphFile.read()).map((model) => ({
    name: model.name,
    header: toHeader(model),
    buffers: model.rows.flatMap(
      ([contextSize, batchSize, sequences, flashAttention, type, bytes]) => {
        if (bytes === null) return [];
        const setting = [contextSize, batchSize, sequences, flashAttention, type] as const;
        return [{ options: { ...toContextSetting(setting), mmap: true }, bytes }];
      },
    ),
  }));
}
