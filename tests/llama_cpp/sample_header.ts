import type { GgufHeader, MetadataValue, TensorInfo } from "../../src/gguf/header.ts";
import {
  type Hyperparameters,
  readHyperparameters,
} from "../../src/llama_cpp/hyperparameters/hyperparameters.ts";
import type { Architecture } from "../../src/llama_cpp/models/architecture.ts";
import { allFamilies, type ReadModel } from "../../src/llama_cpp/models/families.ts";
import type { CpuFeatures, FootprintOptions } from "../../src/llama_cpp/options.ts";

/** Every architecture of every family. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  (await allFamilies()).flatMap((family) => [...family]),
);

/** What `readModel` finds, at once. */
export function modelOf(header: GgufHeader): ReadModel {
  const architecture = ARCHITECTURES.get(String(header.metadata.get("general.architecture")));
  const shape = readHyperparameters(header, architecture);
  return { header, architecture, shape, build: architecture?.graph };
}

/** The hyperparameters of a header by its architecture's rules. */
export function shapeOf(header: GgufHeader): Hyperparameters {
  return modelOf(header).shape;
}

/** A CPU that repacks nothing. */
export const PLAIN_CPU: CpuFeatures = { architecture: "x86_64", features: new Set(), threads: 4 };

/** The CPU of truth: AVX2 and nothing after it. */
export const AVX2_CPU: CpuFeatures = { ...PLAIN_CPU, features: new Set(["avx2"]) };

/** Options with what a test doesn't care about. */
export function options(some: Partial<FootprintOptions> = {}): FootprintOptions {
  return {
    contextSize: 512,
    batchSize: 512,
    sequences: 1,
    flashAttention: true,
    kvCacheKeyType: "F16",
    kvCacheValueType: "F16",
    mmap: true,
    ...some,
  };
}

/** An array as the reader gives it. */
export function array(values: readonly (number | boolean)[]): MetadataValue {
  const elementType = typeof values[0] === "boolean" ? "bool" : "uint32";
  return { elementType, length: values.length, bytes: values.length * 4, values };
}

/** A header of `architecture` with 4 layers, 8 heads of 64 and some more keys. */
export function header(
  architecture: string,
  keys: Record<string, MetadataValue> = {},
  tensors: readonly TensorInfo[] = [],
): GgufHeader {
  const base: Record<string, MetadataValue> = {
    block_count: 4,
    context_length: 8192,
    embedding_length: 512,
    feed_forward_length: 1024,
    "attention.head_count": 8,
    "attention.head_count_kv": 2,
    vocab_size: 1000,
    ...keys,
  };
  return {
    version: 3,
    byteOrder: "little",
    alignment: 32,
    metadata: new Map<string, MetadataValue>([
      ["general.architecture", architecture],
      ...Object.entries(base).map(([key, value]): [string, MetadataValue] => [
        key.startsWith("tokenizer.") ? key : `${architecture}.${key}`,
        value,
      ]),
    ]),
    metadataTypes: new Map(),
    tensors,
    parts: [],
    fileBytes: 0,
  };
}

/** A tensor of some type: 0 F32, 1 F16, 2 Q4_0, 8 Q8_0. */
export function tensor(name: string, type: number, ...dimensions: number[]): TensorInfo {
  return { name, type, dimensions, offset: 0, part: 0 };
}
