import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { FileRange } from "../footprint/sparse_ranges.ts";
import type { EstimatedFile } from "./estimated_file.ts";
import type { EngineDevice } from "./gpu/engine_devices.ts";

/** What the engine itself would allocate, from its dry load, in bytes; nothing is allocated. */
export interface DryLoad {
  /** Weight buffers in RAM. */
  readonly modelBytes: number;
  /** KV cache, recurrent state and compute in RAM. */
  readonly contextBytes: number;
  /** The same on all devices together; absent where the engine drives none. */
  readonly onDevices?: { readonly modelBytes: number; readonly contextBytes: number };
}

/**
 * How a prompt is told: in the model's own chat template, as raw text, or (`auto`) in the template
 * where the model has one.
 */
export type PromptFormat = "auto" | "raw" | "chat";

/** What a mind is told before it thinks. */
export interface Prompt {
  /** Said once, at the beginning of a context; later it is passed over. */
  readonly system?: string;
  /** What is told now; empty where there is nothing but the label. */
  readonly message: string;
  /** What stands before the answer in raw text: `Thought 12:`. */
  readonly label: string;
}

/** How one thought is sampled. */
export interface ThinkOptions {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called with each piece of text as it is sampled. */
  readonly onText?: (text: string) => void;
}

/** One thought and what it cost. */
export interface Thought {
  readonly text: string;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly milliseconds: number;
  /**
   * `end` the model ended it; `length` maxTokens were sampled; `context-full` nothing more fits;
   * `aborted` the signal fired.
   */
  readonly stop: "end" | "length" | "context-full" | "aborted";
}

/** A context on a loaded model: a mind that can think. */
export interface Mind {
  readonly contextSize: number;
  /** Tokens in the context now. */
  readonly tokensUsed: number;
  /** Tokens that the model's chat template adds to the next prompt at least; 0 for raw text. */
  readonly templateTokens: number;
  /** Continues the context with `prompt` and samples a thought. A string is told as it is. */
  think(prompt: Prompt | string, options: ThinkOptions): Promise<Thought>;
  /** Frees the context and asks the C library to return what it holds. */
  dispose(): Promise<void>;
}

/** A model in memory. */
export interface LoadedModel {
  readonly path: string;
  createMind(options: FootprintOptions, signal?: AbortSignal): Promise<Mind>;
  /** Frees the weights; minds on it must have been disposed. */
  dispose(): Promise<void>;
}

/** How a model is loaded. */
export interface LoadOptions {
  readonly mmap: boolean;
  /** Layers on devices, the output counted as one more; none unless told otherwise. */
  readonly gpuLayers?: number;
  /** How minds on it are told prompts; `auto` unless told otherwise. */
  readonly promptFormat?: PromptFormat;
  /** Its files as they were estimated; a load of other ones is refused. */
  readonly files?: readonly EstimatedFile[];
  /** What a token reads only here and there once the model is loaded (`sparseRanges`). */
  readonly sparse?: readonly FileRange[];
  readonly signal?: AbortSignal;
  /** Called with the loaded fraction, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * What runs models. Errors are `BrainjarError`s of kind `engine` with a hint (codes
 * `engine-unavailable`, `model-load-failed`, `context-failed`, `think-failed`), or of kind `usage`
 * where the model itself is at fault (`unsupported-architecture`, `model-changed`,
 * `chat-template-failed`, `no-chat-template`).
 */
export interface Engine {
  /** The devices that it computes on, in its order; none where it was opened for none. */
  devices(): Promise<readonly EngineDevice[]>;
  dryLoad(model: string, options: FootprintOptions): Promise<DryLoad>;
  load(model: string, options: LoadOptions): Promise<LoadedModel>;
  dispose(): Promise<void>;
}
