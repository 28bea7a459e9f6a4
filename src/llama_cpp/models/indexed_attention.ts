import { attentionCache, type Family, family } from "./architecture.ts";
import { rotationMatrix } from "../graph/cache.ts";
import { gate, headsOf, projectOutput } from "../graph/blocks/attention.ts";
import { chooseKeys, unmaskChosen, weightsBySequence } from "../graph/blocks/lightning_indexer.ts";
import {
  absorb,
  attentionByKeys,
  latentQuery,
  type LatentSizes,
  latentSizes,
} from "../graph/blocks/latent_attention.ts";
import type { Builder } from "../graph/builder.ts";
import { F16, I64, type Tensor } from "../ggml/tensor.ts";
import { buildTransformer, HEADER_EXPERTS, type LayerBuilder } from "../graph/transformer.ts";

/** Sparse attention: an indexer picks the keys that each token may look at. */
class IndexedAttention {
  // Inputs of the indexer's own cache of keys (`llm_graph_input_attn_k_dsa`).
  readonly #keyIndices: Tensor;
  readonly #mask: Tensor;
  readonly #rotation: Tensor;
  #chosen: Tensor | undefined;

  /** @param reuses layers without an indexer of their own take what the last one chose */
  constructor(readonly b: Builder, readonly reuses = false) {
    const { graph, plan, cache } = b;
    const { keyLength } = b.hyperparameters.indexer;
    this.#keyIndices = graph.input(I64, [plan.tokens]);
    // The fused indexer reads halves, whatever attention reads.
    this.#mask = cache.mask(plan.cells, F16);
    this.#rotation = rotationMatrix(graph, keyLength);
  }

  /** The best keys of each token (src/models/deepseek32.cpp, "lightning indexer"). */
  #choose(layer: number, x: Tensor, low: Tensor): Tensor {
    const { b } = this;
    const { graph, plan, cache, tokens } = b;
    const prefix = `blk.${layer}.indexer.`;
    const { headCount, keyLength } = b.hyperparameters.indexer;
    const queries = b.rope(b.heads(`${prefix}attn_q_b`, low, keyLength, headCount));
    const normed = graph.norm(b.multiply(`${prefix}attn_k`, x));
    const keys = b.rope(graph.reshape(normed, keyLength, 1, tokens));
    const q = graph.multiplyMatrix(this.#rotation, queries);
    const k = graph.multiplyMatrix(this.#rotation, keys);
    const store = cache.external(plan.keyType, [keyLength, plan.cells, plan.sequences]);
    graph.expand(cache.storeIn(store, k, this.#keyIndices));
    const weights = b.multiply(`${prefix}proj`, x);
    const scaled = graph.map(weightsBySequence(b, weights));
    return chooseKeys(b, { q, keys: cache.keysIn(store), weights: scaled, mask: this.#mask });
  }

  /** Everything masked but the chosen keys (`build_attn` with `llm_graph_input_attn_k_dsa`). */
  mask(layer: number, x: Tensor, low: Tensor): Tensor {
    const { b } = this;
    const reuses = this.reuses && b.hyperparameters.indexer.fullLayers[layer] === false;
    if (!reuses || this.#chosen === undefined) this.#chosen = this.#choose(layer, x, low);
    return unmaskChosen(b, b.cache.inputs(false).mask, this.#chosen);
  }
}

/** src/models/deepseek32.cpp and glm-dsa.cpp */
function deepseek32(indexed: IndexedAttention): LayerBuilder {
  return (b, _row, layer, x) => {
    const { q: query, low } = latentQuery(b, layer, x);
    const mask = indexed.mask(layer, x, low);
    const parts = absorb(b, layer, x, { query, sizes: latentSizes(b), ropes: true });
    return attentionByKeys(b, layer, parts, { inputs: b.cache.inputs(false), mask });
  };
}

function slidingSizes(b: Builder): LatentSizes {
  const { latentAttention: sizes } = b.hyperparameters;
  return {
    rank: sizes.keyValueLoraRankSlidingWindow,
    keyLength: sizes.keyLengthSlidingWindow,
    valueLength: sizes.valueLengthSlidingWindow,
    rotated: latentSizes(b).rotated,
  };
}

/** Indexed where no window slides, with a gate for each head (src/models/dots3note.cpp). */
function dots3Note(indexed: IndexedAttention): LayerBuilder {
  return (b, _row, layer, normed) => {
    const slides = b.hyperparameters.slidingWindowLayers[layer] ?? false;
    const sizes = slides ? slidingSizes(b) : latentSizes(b);
    const { q, low } = latentQuery(b, layer, normed);
    const mask = slides ? undefined : indexed.mask(layer, normed, low);
    const parts = absorb(b, layer, normed, { query: q, sizes, ropes: true });
    const inputs = b.cache.inputs(slides);
    const attended = attentionByKeys(b, layer, parts, { inputs, mask, output: false });
    const gates = b.multiply(`blk.${layer}.attn_gate`, normed);
    return projectOutput(b, layer, gate(b, attended, gates, headsOf(b, layer).queries));
  };
}

// Every layer has an input of its own, placed before all layers (`unmaskChosen`).
function build(b: Builder, mix: LayerBuilder): void {
  buildTransformer(b, { ...HEADER_EXPERTS, everyLayer: true, mix });
}

/** Newer ones share indexers, and are told from older ones by their training length. */
function isFullIndexer(layer: number, trainContextLength: number): boolean {
  return trainContextLength < 1048576 || (layer < 78 && (layer < 2 || layer % 4 === 2));
}

const LATENT = {
  predictionLayersUncached: true,
  predictionLayersSkipped: true,
  latentAttention: true,
  scalesExperts: true,
} as const;

/** Architectures with an indexer over latent attention. */
export const ARCHITECTURES: Family = family({
  "deepseek32": attentionCache("models/deepseek32.cpp", {
    graph: (b) => build(b, deepseek32(new IndexedAttention(b))),
    indexerLayers: "text",
    ...LATENT,
  }),
  "dots3note": attentionCache("models/dots3note.cpp", {
    graph: (b) => build(b, dots3Note(new IndexedAttention(b))),
    slidingWindow: { pattern: "any-length" },
    indexerLayers: "full",
    ...LATENT,
  }),
  "glm-dsa": attentionCache("models/glm-dsa.cpp", {
    graph: (b) => build(b, deepseek32(new IndexedAttention(b, true))),
    indexerLayers: "full",
    ...LATENT,
    indexerTypes: { perLayer: true, isFull: isFullIndexer },
  }),
});
