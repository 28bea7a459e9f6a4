import { generateModel } from "../../fixtures/generate.ts";
import { type ModelShape, PRESETS } from "../../fixtures/shape.ts";
import type { FootprintOptions } from "../../src/llama_cpp/options.ts";

/** What is loaded, and how. */
export interface Configuration {
  readonly model: ModelName;
  readonly jars: number;
  readonly share: boolean;
  readonly mmap: boolean;
  readonly contextSize: number;
  readonly flashAttention?: boolean;
}

function shaped(preset: string, changes: Partial<ModelShape>): ModelShape {
  const shape = PRESETS[preset];
  if (shape === undefined) throw new Error(`No preset ${preset}`);
  return { ...shape, ...changes };
}

const LLAMA_32K = { vocabulary: "llama-spm", contextLength: 32768 };
const LLAMA_128K = { vocabulary: "llama-bpe", contextLength: 32768 };
const GEMMA_262K = { vocabulary: "gemma-4", embedding: 256, heads: 4, feedForward: 1024 };

/** The models of the bench, made by the fixtures from seed 1. */
export const MODELS = {
  "60M 32k Q8_0": shaped("60m-q8_0", LLAMA_32K),
  "60M 32k Q4_0": shaped("60m-q8_0", { ...LLAMA_32K, type: "Q4_0" }),
  "60M 32k F16": shaped("60m-q8_0", { ...LLAMA_32K, type: "F16" }),
  "60M 128k Q8_0": shaped("60m-q8_0", LLAMA_128K),
  "60M 128k Q4_0": shaped("60m-q8_0", { ...LLAMA_128K, type: "Q4_0" }),
  "60M 128k F16": shaped("60m-q8_0", { ...LLAMA_128K, type: "F16" }),
  "20M 262k Q8_0": shaped("60m-q8_0", { ...GEMMA_262K, contextLength: 32768 }),
  "20M 262k Q4_0": shaped("60m-q8_0", { ...GEMMA_262K, contextLength: 32768, type: "Q4_0" }),
  "60M 32k F32 tied": shaped("60m-q8_0", { ...LLAMA_32K, type: "F32", tied: true }),
  "60M 128k F16 tied": shaped("60m-q8_0", { ...LLAMA_128K, type: "F16", tied: true }),
  "Mamba 130M 32k F16": shaped("mamba-130m-f16", { vocabulary: "llama-spm" }),
  "1.2B 128k Q4_0": shaped("1b-q4_0", {}),
  "300M 128k Q8_0": shaped("300m-q8_0", {}),
  "gemma3 1B 262k Q4_0": shaped("gemma3-1b-q4_0", {}),
  "qwen3moe 32k Q4_0": shaped("tiny-qwen3moe", {
    ...LLAMA_32K,
    ...{ layers: 8, embedding: 512, heads: 8, kvHeads: 4, headLength: 64 },
    ...{ feedForward: 512, experts: 16, expertsUsed: 4, type: "Q4_0" },
  }),
} as const;

export type ModelName = keyof typeof MODELS;

const ALONE = { jars: 1, share: true, mmap: true } as const;

/** The first four are those of `--quick`. */
export const CONFIGURATIONS: readonly Configuration[] = [
  { model: "60M 32k Q8_0", ...ALONE, contextSize: 2048 },
  { model: "60M 128k Q4_0", ...ALONE, contextSize: 4096 },
  { model: "60M 128k Q4_0", jars: 3, share: true, mmap: true, contextSize: 2048 },
  { model: "20M 262k Q8_0", ...ALONE, contextSize: 2048 },
  { model: "60M 32k Q8_0", ...ALONE, contextSize: 512 },
  { model: "60M 32k Q4_0", ...ALONE, mmap: false, contextSize: 2048 },
  { model: "60M 32k F16", ...ALONE, contextSize: 16384 },
  { model: "60M 32k Q8_0", jars: 3, share: false, mmap: true, contextSize: 4096 },
  { model: "60M 128k Q8_0", ...ALONE, contextSize: 2048, flashAttention: false },
  { model: "60M 128k F16", ...ALONE, mmap: false, contextSize: 1024 },
  { model: "60M 128k Q4_0", jars: 3, share: false, mmap: true, contextSize: 2048 },
  { model: "20M 262k Q8_0", ...ALONE, mmap: false, contextSize: 8192 },
  { model: "20M 262k Q4_0", jars: 3, share: true, mmap: true, contextSize: 1024 },
  { model: "1.2B 128k Q4_0", ...ALONE, contextSize: 2048 },
  { model: "300M 128k Q8_0", jars: 3, share: true, mmap: true, contextSize: 8192 },
  { model: "gemma3 1B 262k Q4_0", ...ALONE, contextSize: 4096 },
  { model: "qwen3moe 32k Q4_0", ...ALONE, contextSize: 4096 },
  { model: "60M 32k F32 tied", ...ALONE, contextSize: 2048 },
  { model: "60M 128k F16 tied", ...ALONE, contextSize: 2048 },
  { model: "Mamba 130M 32k F16", ...ALONE, contextSize: 2048 },
];

/** A configuration's options as the engine is told them. */
export function optionsOf(configuration: Configuration): FootprintOptions {
  const { contextSize, mmap, flashAttention = true } = configuration;
  return {
    contextSize,
    batchSize: Math.min(512, contextSize),
    sequences: 1,
    flashAttention,
    kvCacheKeyType: "F16",
    kvCacheValueType: "F16",
    mmap,
  };
}

/** Its name in the table. */
export function nameOf({ model, jars, share, mmap, contextSize, flashAttention }: Configuration) {
  const many = jars === 1 ? "1 jar" : `${jars} jars, ${share ? "shared" : "not shared"}`;
  const rest = [mmap ? "" : ", no mmap", flashAttention === false ? ", no flash attention" : ""];
  return `${model}, ${many}, ${contextSize}${rest.join("")}`;
}

/** Writes a model into `folder` unless it is there; answers where. */
export async function modelFile(folder: string, name: ModelName, cache: string): Promise<string> {
  const path = `${folder}/${name.replaceAll(" ", "-")}.gguf`;
  try {
    await Deno.stat(path);
  } catch {
    const options = { seed: 1, split: 1, alignment: 32, sparse: false, version: 3 as const, cache };
    await generateModel(MODELS[name], path, options);
  }
  return path;
}
