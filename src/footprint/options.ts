import type { KvCacheType } from "./ggml_type.ts";

/** How a model is to be loaded and its context made. */
export interface FootprintOptions {
  /** Tokens of context, for each sequence. */
  readonly contextSize: number;
  /** Tokens of one batch. node-llama-cpp's default is min(context, 512). */
  readonly batchSize: number;
  readonly sequences: number;
  /** As decided: `auto` is resolved before it gets here. */
  readonly flashAttention: boolean;
  readonly kvCacheKeyType: KvCacheType;
  readonly kvCacheValueType: KvCacheType;
  readonly mmap: boolean;
}

/** What the CPU has that decides how weights are laid out in memory. */
export interface CpuFeatures {
  readonly architecture: "x86_64" | "aarch64" | "other";
  /** Lower-case names as /proc/cpuinfo has them: `avx2`, `avx512f`, `amx_int8`, `i8mm`, `asimddp`, … */
  readonly features: ReadonlySet<string>;
  /** Threads that the engine computes with; they decide the size of its work buffer. */
  readonly threads: number;
}
