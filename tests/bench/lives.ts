import { type ModelShape, PRESETS } from "../../fixtures/shape.ts";

/** A run whose jars die often: the model's shape, and what is said on the command line. */
export interface Life {
  readonly name: string;
  readonly shape: ModelShape;
  readonly mode: "single" | "matrix";
  readonly flags: readonly string[];
}

function shaped(preset: string, changes: Partial<ModelShape>): ModelShape {
  const shape = PRESETS[preset];
  if (shape === undefined) throw new Error(`No preset ${preset}`);
  return { ...shape, ...changes };
}

const SMALL = { embedding: 256, heads: 4, kvHeads: 2, feedForward: 512 };
const NARROW = { embedding: 128, heads: 4, kvHeads: 2, headLength: 32, feedForward: 256 };

const context = (tokens: number, ...more: string[]) => ["--context-size", `${tokens}`, ...more];

/**
 * Architectures, depths, vocabularies, types and contexts, each somewhere; models are narrow, so that
 * a hundred turns take minutes. The fewer tokens a context has, the more often its jar dies; the
 * larger ones get longer thoughts.
 */
export const LIVES: readonly Life[] = [
  {
    name: "48 layers Q6_K 32k",
    shape: shaped("60m-q8_0", { layers: 48, type: "Q6_K", vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(512),
  },
  {
    name: "qwen2 24 layers Q8_0 152k",
    shape: shaped("tiny-qwen2", { ...SMALL, layers: 24, headLength: 64, vocabulary: "qwen2" }),
    mode: "matrix",
    flags: context(512),
  },
  {
    name: "80 layers Q4_0 small, no mmap",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 80, type: "Q4_0", vocabularySize: 4000 }),
    mode: "matrix",
    flags: context(512, "--no-mmap"),
  },
  {
    name: "80 layers F16 32k, one jar",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 80, type: "F16", vocabulary: "llama-spm" }),
    mode: "single",
    flags: context(256),
  },
  {
    name: "gemma3 26 layers Q4_0 262k",
    shape: shaped("tiny-gemma3", { ...NARROW, layers: 26, vocabulary: "gemma-4" }),
    mode: "matrix",
    flags: context(512),
  },
  {
    name: "mixtral 8 layers Q8_0 32k",
    shape: shaped("tiny-mixtral", { ...SMALL, layers: 8, headLength: 64, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(512),
  },
  {
    name: "mamba 24 layers F16 32k",
    shape: shaped("tiny-mamba", { embedding: 256, layers: 24, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(512),
  },
  {
    name: "qwen3moe 24 layers Q4_0 152k, one jar",
    shape: shaped("tiny-qwen3moe", { ...SMALL, layers: 24, type: "Q4_0", vocabulary: "qwen2" }),
    mode: "single",
    flags: context(256),
  },
  {
    name: "8 layers Q8_0 32k, 4096",
    shape: shaped("60m-q8_0", { ...NARROW, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(4096, "--max-tokens", "1500"),
  },
  {
    name: "8 layers Q4_0 128k, 1024",
    shape: shaped("60m-q8_0", { ...NARROW, type: "Q4_0", vocabulary: "llama-bpe" }),
    mode: "matrix",
    flags: context(1024, "--max-tokens", "200"),
  },
  {
    name: "2 layers F16 small, one jar",
    shape: shaped("tiny", {}),
    mode: "single",
    flags: context(256),
  },
  {
    name: "32 layers F16 32k, no mmap, nothing shared",
    shape: shaped("60m-q8_0", { ...SMALL, layers: 32, type: "F16", vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(512, "--no-mmap", "--no-share-weights"),
  },
  {
    name: "48 layers Q8_0 32k, no flash attention",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 48, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(1024, "--flash-attention", "off", "--max-tokens", "200"),
  },
  {
    name: "4 layers Q8_0 256k tied, KV q8_0, one jar",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 4, vocabulary: "gemma-4", tied: true }),
    mode: "single",
    flags: context(256, "--kv-cache-type", "q8_0"),
  },
];
