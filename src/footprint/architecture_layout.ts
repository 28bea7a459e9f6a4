/** What a model of an architecture is for; only `text` generates text token by token. */
export type ModelPurpose = "text" | "encoder" | "diffusion" | "audio" | "image" | "draft";

/** The kind of memory a context keeps between batches (llama-model.cpp, `create_memory`). */
export type MemoryKind =
  /** Nothing: every batch stands alone. */
  | "none"
  /** Keys and values of each token, on sliding-window layers of the last ones. */
  | "attention"
  /** A state of fixed size for each sequence. */
  | "recurrent"
  /** Both, on different layers or on all. */
  | "hybrid"
  /** Attention, and an indexer's keys beside it. */
  | "indexed"
  /** DeepSeek-V4: a window of raw keys, compressed keys behind it. */
  | "compressed";

/** How the layers with a sliding window are found where the architecture has them. */
export interface SlidingWindowRule {
  readonly kind: "standard" | "chunked" | "symmetric";
  /** When windows slide: always, or only if the header has a window above 0. */
  readonly when: "always" | "window" | "64-layers" | "unless-window-0";
  /** Every nth layer doesn't slide, where the header has no number of its own; 0: all slide. */
  readonly period?: number;
  /** The layer that doesn't slide comes first in its period. */
  readonly denseFirst?: boolean;
  /** Whether the header may or must have an array with one entry for each layer. */
  readonly layers?: "optional" | "required";
  /** Tokens, where the header has none. */
  readonly defaultWindow?: number;
  /** Tokens, whatever the header says. */
  readonly window?: number;
}

/** How the layers with a recurrent state are found. */
export type RecurrentLayersRule =
  /** All layers have one. */
  | "all"
  /** Layers with no key-value head. */
  | "no-kv-heads"
  /** Layers with neither key-value heads nor feed-forward. */
  | "no-kv-heads-no-feed-forward"
  /** `attention.recurrent_layers`, or all but every nth by `full_attention_interval`. */
  | { readonly interval: number };

/** One architecture's layout of memory. */
export interface ArchitectureLayout {
  readonly purpose: ModelPurpose;
  readonly memory: MemoryKind;
  /** Where llama.cpp v0.4.0 says so, below src/. */
  readonly source: string;
  readonly slidingWindow?: SlidingWindowRule;
  readonly recurrentLayers?: RecurrentLayersRule;
}
