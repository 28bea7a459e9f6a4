import type { KvCacheType } from "./ggml/types.ts";

/** The kinds of devices that llama.cpp computes on beside the processor, as `--gpu` names them. */
export const GPU_BACKENDS = ["cuda", "vulkan", "metal"] as const satisfies readonly GpuBackend[];

/** A kind of device that llama.cpp computes on. */
export type GpuBackend = "cuda" | "vulkan" | "metal";

/** How many layers lie on devices, as asked for: a number, all of them, or the most that fit. */
export type GpuLayers = number | "all" | "auto";

/** One device, as far as it decides where llama.cpp puts things. */
export interface Device {
  /** The pool's name: backend and number in the engine's order, `cuda:0`. */
  readonly id: string;
  /** What drives it. */
  readonly backend: GpuBackend;
  /** Bytes free when a model is loaded: several devices share its layers in proportion. */
  readonly freeBytes: number;
  /** Whether its memory is RAM: Apple's, and integrated ones. */
  readonly isUnified: boolean;
  /** What every tensor starts at a multiple of; the backend's usual one where absent. */
  readonly alignment?: number;
  /** The largest buffer that it gives; the backend's usual one where absent. */
  readonly largestBufferBytes?: number;
  /**
   * The largest tensor that it computes with (Vulkan's `maxStorageBufferRange`); the backend's usual
   * one where absent.
   */
  readonly largestTensorBytes?: number;
  /** Whether its driver ends the process that computes flash attention with it. */
  readonly breaksFlashAttention?: true;
  /** CUDA's compute capability, as 90 for 9.0; a recent one where absent. */
  readonly computeCapability?: number;
  /** CUDA's multiprocessors, which decide how much a context and its pools take; many where absent. */
  readonly multiprocessors?: number;
  /**
   * Bytes that the driver's context was measured to take there, before any model; estimated where
   * absent.
   */
  readonly contextBytes?: number;
}

/** What of a model lies on devices. */
export interface Offload {
  /** All devices that the engine uses, in its order. Never empty. */
  readonly devices: readonly Device[];
  /** Layers on them, the output counted as one more: 0 to layers + 1. */
  readonly gpuLayers: number;
}

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
  /**
   * Absent where the engine drives no device (`--gpu off`); with 0 layers it still computes large
   * batches on one.
   */
  readonly offload?: Offload;
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
