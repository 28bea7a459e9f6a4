/**
 * What a model of an architecture is for; only `text` generates text token by token. An
 * `encoder-decoder` would, but reads its prompt with an encoder, which node-llama-cpp never runs:
 * llama.cpp ends the process then.
 */
type ModelPurpose =
  | "text"
  | "encoder"
  | "encoder-decoder"
  | "diffusion"
  | "audio"
  | "draft"
  | "unknown";

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
  /** DeepSeek-V4: a window of raw keys, compressed keys behind it. */
  | "compressed";

/** Which layers slide. */
export type SlidingWindowPattern =
  /** All but every nth, where the header has no number of its own. */
  | {
    readonly period: number;
    /** The layer that doesn't slide comes first in its period. */
    readonly denseFirst?: boolean;
    /** An array in the header replaces the period; elsewhere an array is ignored. */
    readonly orLayers?: boolean;
  }
  /** An array in the header, or one number for all: one entry for each layer text passes through. */
  | "layers"
  /** The same with the layers that predict further tokens. */
  | "all-layers"
  /** An array in the header of any length; layers beyond it don't slide. */
  | "any-length"
  /** All. */
  | "every"
  /** Those without a recurrent state. */
  | "not-recurrent";

/** How an architecture's windows are found. */
interface SlidingWindowRule {
  /** `standard` unless said. */
  readonly kind?: "chunked" | "symmetric";
  /**
   * When windows slide, always unless said: `window` if the header has one above 0; `unless-zero` if it
   * doesn't have 0; `64-layers` on models of that depth.
   */
  readonly when?: "window" | "unless-zero" | "64-layers";
  readonly pattern: SlidingWindowPattern;
  /** Tokens, where the header has none. */
  readonly defaultWindow?: number;
  /** Tokens, whatever the header says. */
  readonly fixedWindow?: number;
}

/** Which layers have a recurrent state. */
type RecurrentLayersRule =
  | "every"
  /** Layers with no key-value head. */
  | "no-kv-heads"
  /** Layers with neither key-value heads nor feed-forward. */
  | "no-kv-heads-no-feed-forward"
  /** `attention.recurrent_layers`, or all but every nth by `full_attention_interval`. */
  | { readonly interval: number };

/** Which keys the size of a recurrent state comes from (`n_embd_r`, `n_embd_s` in llama-hparams.cpp). */
export type StateKind =
  /** `ssm.*` */
  | "state-space"
  /** `wkv.*` */
  | "wkv"
  /** `shortconv.*` */
  | "short-convolution"
  /** `kda.*` */
  | "delta"
  /** The heads of attention. */
  | "linear-attention"
  /** Whichever the header has. */
  | "any";

/** Which layers of a hybrid have a key-value cache; all without a state where a row doesn't say. */
type CachedLayersRule =
  | "every"
  /** Of those that text passes through, the ones without a state. */
  | "text"
  /** Without a state and without feed-forward. */
  | "no-feed-forward";

/** Which layers keep keys for an indexer. */
type IndexerLayersRule =
  /** All that text passes through. */
  | "text"
  /** Those that `attention.indexer.types` calls full. */
  | "full"
  /** From the first with experts on. */
  | "after-dense"
  /** Those without a state. */
  | "cached";

/** How many nodes llama.cpp keeps places for in a graph: so many, whichever is more. */
export interface GraphNodes {
  readonly perBatchToken: number;
  readonly perTensor: number;
}

/** Those of architectures whose layers are long chains of small operations. */
export const MANY_GRAPH_NODES: GraphNodes = { perBatchToken: 40, perTensor: 32 };

/** Numbers of the header that the stream or the logits are multiplied by, or capped with. */
export type HeaderScale =
  | "embedding_scale"
  | "residual_scale"
  | "logit_scale"
  | "final_logit_softcapping";

/**
 * What one architecture does otherwise than the rest: rules, no sizes. What all do is in the code
 * that reads the rules.
 */
export interface ArchitectureRules {
  readonly purpose: ModelPurpose;
  readonly memory: MemoryKind;
  /** Where llama.cpp says so, below src/. */
  readonly source: string;

  // Its caches and its state (`create_memory` in llama-model.cpp).

  readonly slidingWindow?: SlidingWindowRule;
  readonly recurrentLayers?: RecurrentLayersRule;
  readonly state?: StateKind;
  readonly cachedLayers?: CachedLayersRule;
  readonly indexerLayers?: IndexerLayersRule;
  /** Layers that predict further tokens have no cache in the context that makes text. */
  readonly predictionLayersUncached?: true;
  /** Layers from the first on that own a cache: a number, or all less `shared_kv_layers`. */
  readonly ownCaches?: number | "less-shared";
  /** Reads `attention.key_length_mla` and caches latent keys alone where it is there. */
  readonly latentAttention?: true;
  /** llama.cpp turns flash attention off. */
  readonly noFlashAttention?: true;
  /** Batches needn't fit the context. */
  readonly notCausal?: true;

  // Its weights and its output.

  /** Weights of the layers that predict further tokens aren't loaded: all, or those with such names. */
  readonly predictionLayersSkipped?: true | RegExp;
  /** `output.weight` stands in for a missing `token_embd.weight`. */
  readonly embeddingIsOutput?: true;
  /** The embedding itself is multiplied as output, where it lies. */
  readonly multipliesEmbedding?: true;
  /** The output is loaded before the embedding: where they are one weight, each has memory of its own. */
  readonly outputLoadedFirst?: true;
  /** An embedding is handed out beside the logits. */
  readonly outputsEmbedding?: true;

  // What it reads from the header otherwise (`load_arch_hparams`).

  /** `ssm.group_count` isn't read. */
  readonly noStateGroups?: true;
  /** Head lengths are read even where the first layer has no head. */
  readonly headLengthsWithoutHeads?: true;
  /** Values have `attention.kv_lora_rank` elements, and their own length where windows slide. */
  readonly valueLengthIsLatentRank?: true;
  /** Rope rotates half of its dimensions where no window slides. */
  readonly halvesRope?: true;
  /** How the header says for how many layers an image brings embeddings. */
  readonly deepstack?: "mapping" | "count";
  /** When attention is biased by distance (`f_max_alibi_bias`). */
  readonly alibi?: "always" | "40-layers" | "max-alibi-bias";
  /** A single expert is a dense feed-forward. */
  readonly singleExpertIsDense?: true;
  /** Shared experts where the header has no number. */
  readonly defaultSharedExperts?: number;
  /** No layer has experts, whatever the header says. */
  readonly dense?: true;
  /** How it reads which layers have an indexer of their own. */
  readonly indexerTypes?: {
    /** The list has an entry for each layer. */
    readonly perLayer: true;
    /** Where the header has no list. */
    readonly isFull: (layer: number, trainContextLength: number) => boolean;
  };
  /** The output is as wide as all its hyper-connections. */
  readonly outputsHyperConnections?: true;
  /** The input is as wide as the output. */
  readonly inputsOutputWidth?: true;
  /** Layers that predict further tokens count only where the first of them has this weight. */
  readonly predictionLayersBy?: string;
  /** Text passes the layers `num_loops` times, each time with a cache of its own. */
  readonly repeatsLayers?: true;
  /** One more cached layer selects an adapter. */
  readonly routerLayer?: true;

  // What its graph's blocks do otherwise, and how large it may be.

  /** Places for nodes, where they aren't `graph_max_nodes`'s usual ones (memory/graph_nodes.ts). */
  readonly graphNodes?: GraphNodes;
  /** Four positions for each token, or only where the header has sections for two of them. */
  readonly positionsPerToken?: 4 | "by-sections";
  /** What each expert gives is multiplied by a scale of the file (`*_exps.scale`). */
  readonly scalesExperts?: true;
  /** So is what a dense feed-forward gives (`ffn_*.scale`). */
  readonly scalesFeedForward?: true;
  /** So is what the shared expert gives (`*_shexp.scale`). */
  readonly scalesSharedExpert?: true;
  /** Weights that a file may have and the graph doesn't read, by the ends of their names. */
  readonly unusedWeights?: RegExp;
  /** Which scales it reads, with what each is where the header hasn't it; 0 scales nothing. */
  readonly scales?: Readonly<Partial<Record<HeaderScale, number>>>;
  /** `attention.clamp_kqv` clamps queries, keys and values. */
  readonly clampsProjections?: true;
  /** Attention's scores are capped (`attn_soft_cap`). */
  readonly capsScores?: true;
  /** Clamped halves of a feed-forward meet in one operation with all the rest. */
  readonly clampsInOneOperation?: true;
}

/**
 * The safe side for an architecture that llama.cpp doesn't have: every layer caches keys and values
 * of the whole context, and every state or indexer that the header names is on every layer.
 */
export const UNKNOWN_ARCHITECTURE: ArchitectureRules = {
  purpose: "unknown",
  memory: "hybrid",
  source: "nowhere",
  recurrentLayers: "every",
  state: "any",
  cachedLayers: "every",
  indexerLayers: "text",
  graphNodes: MANY_GRAPH_NODES,
};
