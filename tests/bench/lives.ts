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

function context(tokens: number, maxTokens: number, ...more: string[]): string[] {
  return ["--context-size", `${tokens}`, "--max-tokens", `${maxTokens}`, ...more];
}

/**
 * Architectures, depths, vocabularies, types and contexts, each somewhere; models are narrow, so that
 * a hundred turns take a minute. The more tokens a context has, the longer the thoughts, so that jars
 * die all the same.
 */
export const LIVES: readonly Life[] = [
  {
    name: "llama, 48 layers, Q6_K, 32k, 256",
    shape: shaped("60m-q8_0", { ...SMALL, layers: 48, type: "Q6_K", vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(256, 16),
  },
  {
    name: "llama, 48 layers, Q6_K, 32k, no mmap, 256",
    shape: shaped("60m-q8_0", { ...SMALL, layers: 48, type: "Q6_K", vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(256, 16, "--no-mmap"),
  },
  {
    name: "qwen2, 24 layers, Q8_0, 152k, 256",
    shape: shaped("tiny-qwen2", { ...SMALL, layers: 24, headLength: 64, vocabulary: "qwen2" }),
    mode: "matrix",
    flags: context(256, 16),
  },
  {
    name: "llama, 80 layers, Q4_0, 4k, no mmap, 256",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 80, type: "Q4_0", vocabularySize: 4000 }),
    mode: "matrix",
    flags: context(256, 16, "--no-mmap"),
  },
  {
    name: "llama, 80 layers, F16, 32k, one jar, 256",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 80, type: "F16", vocabulary: "llama-spm" }),
    mode: "single",
    flags: context(256, 120),
  },
  {
    name: "gemma3, 26 layers, Q4_0, 262k, 256",
    shape: shaped("tiny-gemma3", { ...NARROW, layers: 26, vocabulary: "gemma-4" }),
    mode: "matrix",
    flags: context(256, 16),
  },
  {
    name: "mixtral, 8 layers, Q8_0, 32k, 256",
    shape: shaped("tiny-mixtral", { ...SMALL, layers: 8, headLength: 64, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(256, 16),
  },
  {
    name: "mamba, 24 layers, F16, 32k, 256",
    shape: shaped("tiny-mamba", { embedding: 256, layers: 24, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(256, 16),
  },
  {
    name: "qwen3moe, 24 layers, Q4_0, 152k, one jar, 256",
    shape: shaped("tiny-qwen3moe", { ...SMALL, layers: 24, type: "Q4_0", vocabulary: "qwen2" }),
    mode: "single",
    flags: context(256, 120),
  },
  {
    name: "llama, 2 layers, Q8_0, 32k, one jar, 2048",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 2, vocabulary: "llama-spm" }),
    mode: "single",
    flags: context(2048, 900),
  },
  {
    name: "llama, 8 layers, Q4_0, 128k, 512",
    shape: shaped("60m-q8_0", { ...NARROW, type: "Q4_0", vocabulary: "llama-bpe" }),
    mode: "matrix",
    flags: context(512, 40),
  },
  {
    name: "llama, 2 layers, F16, small, one jar, 256",
    shape: shaped("tiny", {}),
    mode: "single",
    flags: context(256, 120),
  },
  {
    name: "llama, 32 layers, F16, 32k, no mmap, nothing shared, 256",
    shape: shaped("60m-q8_0", { ...SMALL, layers: 32, type: "F16", vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(256, 16, "--no-mmap", "--no-share-weights"),
  },
  {
    name: "llama, 48 layers, Q8_0, 32k, no flash attention, 512",
    shape: shaped("60m-q8_0", { ...NARROW, layers: 48, vocabulary: "llama-spm" }),
    mode: "matrix",
    flags: context(512, 60, "--flash-attention", "off"),
  },
];
