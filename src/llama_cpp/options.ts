import type { KvCacheType } from "./ggml/types.ts";

/** How a model is to be loaded and its context made. */
export interface FootprintOptions {
  /** Tokens of context, for each sequence. */
  readonly contextSize: number;
  /** Tokens of one batch. node-llama-cpp's default is min(context, 512). */
  readonly batchSize: number;
  /** Sequences that are computed side by side. */
  readonly sequences: number;
  /** As decided: `auto` is resolved before it gets here. */
  readonly flashAttention: boolean;
  /** The type of its keys. */
  readonly kvCacheKeyType: KvCacheType;
  /** The type of its values. */
  readonly kvCacheValueType: KvCacheType;
  /** Whether weights stay in the file and are mapped. */
  readonly mmap: boolean;
}

/** What the CPU has that decides how weights are laid out in memory. */
export interface CpuFeatures {
  /** Which set of instructions it has. */
  readonly architecture: "x86_64" | "aarch64" | "other";
  /** Lower-case names as /proc/cpuinfo has them: `avx2`, `avx512f`, `amx_int8`, `i8mm`, `asimddp`, … */
  readonly features: ReadonlySet<string>;
  /** Threads that the engine computes with; they decide the size of its work buffer. */
  readonly threads: number;
}
