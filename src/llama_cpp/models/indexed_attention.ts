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
import {
  embedding,
  gatedFeedForward,
  type Loads,
  mayRoute,
  maySections,
  outputOrTied,
  predictionHead,
  predictionPresence,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { demandPairs } from "../loading/graph_demands.ts";
import {
  demandCachedRows,
  denseThenExperts,
  latentKeys,
  latentMatrices,
  latentQueries,
  latentSizes as loadedSizes,
} from "../loading/latent_blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  OPTIONAL,
  OPTIONAL_UNLOADED,
  type Presence,
} from "../loading/loader.ts";
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
    const normed = b.norm(b.multiply(`${prefix}attn_k`, x), "layer", `${prefix}k_norm`);
    const keys = b.rope(graph.reshape(normed, keyLength, 1, tokens));
    const q = graph.multiplyMatrix(this.#rotation, queries);
    const k = graph.multiplyMatrix(this.#rotation, keys);
    const store = cache.external(layer, plan.keyType, [keyLength, plan.cells, plan.sequences]);
    graph.expand(cache.storeIn(store, k, this.#keyIndices));
    const weights = b.multiply(`${prefix}proj`, x);
    const scaled = graph.scale(weightsBySequence(b, weights));
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
    const projected = b.multiplyMatrix(`blk.${layer}.attn_gate`, normed);
    const gates = b.graph.unary("SIGMOID", projected);
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

/** Keys of latent attention and of the indexer. */
function indexedKeys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  mayRoute(l);
  l.key("attention.q_lora_rank");
  l.key("attention.kv_lora_rank");
  l.key("attention.indexer.head_count");
  l.key("attention.indexer.key_length");
  l.key("attention.indexer.top_k");
  const { usesLatentAttention, indexer } = l.hyperparameters;
  demandPairs(l);
  l.demand(usesLatentAttention, "it has no lengths of latent attention's heads");
  l.demand(
    l.rope() <= indexer.keyLength,
    `rope rotates ${l.rope()} elements of an indexer's keys that have ${indexer.keyLength}`,
  );
}

/** What a layer's indexer picks keys by. */
function indexerWeights(layer: LayerLoader, presence: Presence, norm = presence): void {
  const { embedding: width, hyperparameters: { indexer, latentAttention } } = layer.model;
  const { headCount, keyLength } = indexer;
  layer.take(norm, "indexer.k_norm.weight", keyLength);
  layer.take(norm, "indexer.k_norm.bias", keyLength);
  layer.take(presence, "indexer.proj.weight", width, headCount);
  layer.take(presence, "indexer.attn_k.weight", width, keyLength);
  layer.take(
    presence,
    "indexer.attn_q_b.weight",
    latentAttention.queryLoraRank,
    headCount * keyLength,
  );
}

/** Whether a layer must have an indexer, and that its norm. */
type IndexerOf = (layer: number) => readonly [indexer: Presence, norm: Presence];

function indexedLayers(l: Loader, indexerOf: IndexerOf, hasGating = false): void {
  embedding(l);
  outputOrTied(l);
  const sizes = loadedSizes(l);
  demandCachedRows(l, () => sizes);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    layer.take(presence, "attn_norm.weight", l.embedding);
    latentQueries(layer, sizes, presence);
    latentKeys(layer, sizes, presence);
    latentMatrices(layer, sizes, presence);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    indexerWeights(layer, ...indexerOf(layer.index));
    denseThenExperts(layer, { presence, hasGating });
    if (predicts) predictionHead(layer, presence);
  }
}

/** The same where latent lengths and leading layers may go without saying. */
function indexedKeysWithDefaults(l: Loader): void {
  indexedKeys(l);
  maySections(l);
  l.mayKey("leading_dense_block_count");
  l.mayKey("attention.key_length_mla");
  l.mayKey("attention.value_length_mla");
}

const deepseek32Loads: Loads = (l) => {
  indexedKeysWithDefaults(l);
  l.key("expert_gating_func");
  l.mayKey("rope.scaling.yarn_log_multiplier");
  indexedLayers(l, (layer) => {
    const presence = layer < l.layerCount ? NEEDED : predictionPresence(l);
    return [presence, presence];
  });
};

const glmDsa: Loads = (l) => {
  indexedKeysWithDefaults(l);
  l.mayLayerKey("attention.indexer.types", l.layerCount);
  const { fullLayers } = l.hyperparameters.indexer;
  l.demand(fullLayers[0] === true, "its first layer has no indexer, and none before it has one");
  indexedLayers(l, (layer) => {
    if (layer >= l.layerCount) return [OPTIONAL_UNLOADED, OPTIONAL_UNLOADED];
    return [fullLayers[layer] ? NEEDED : OPTIONAL, OPTIONAL];
  }, true);
};

const dots3NoteLoads: Loads = (l) => {
  indexedKeys(l);
  l.key("leading_dense_block_count");
  l.key("expert_gating_func");
  l.key("attention.key_length_mla");
  l.key("attention.value_length_mla");
  l.key("attention.kv_lora_rank_swa");
  l.key("attention.key_length_mla_swa");
  l.key("attention.value_length_mla_swa");
  l.key("attention.sliding_window");
  l.key("rope.freq_base_swa");
  l.array(WINDOW_PATTERN);
  l.array("attention.indexer.types");
  embedding(l);
  outputOrTied(l);
  const { hyperparameters: { slidingWindowLayers, latentAttention, indexer } } = l;
  const slides = (layer: number) => layer >= l.layerCount || slidingWindowLayers[layer] === true;
  const sizesOf = (layer: number) => {
    const sizes = { ...loadedSizes(l), heads: l.heads(layer) };
    if (!slides(layer)) return sizes;
    return {
      ...sizes,
      rank: latentAttention.keyValueLoraRankSlidingWindow,
      keyLength: latentAttention.keyLengthSlidingWindow,
      valueLength: latentAttention.valueLengthSlidingWindow,
    };
  };
  demandCachedRows(l, sizesOf);
  for (const layer of l.layers(l.allLayerCount)) {
    const { index } = layer;
    const predicts = index >= l.layerCount;
    const presence = predicts ? OPTIONAL_UNLOADED : NEEDED;
    const sizes = sizesOf(index);
    layer.take(presence, "attn_norm.weight", l.embedding);
    latentQueries(layer, sizes, presence);
    latentKeys(layer, sizes, presence);
    layer.take(presence, "attn_k_norm.weight", l.rope());
    latentMatrices(layer, sizes, presence);
    layer.take(presence, "attn_gate.weight", l.embedding, sizes.heads);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    const indexed = !predicts && indexer.fullLayers[index] === true;
    l.demand(slides(index) || indexed, `layer ${index} has neither a window nor an indexer`);
    if (indexed) indexerWeights(layer, NEEDED);
    if (predicts) gatedFeedForward(layer, l.feedForward(), presence);
    else denseThenExperts(layer, { bias: NEEDED });
    if (predicts) predictionHead(layer, presence, presence);
  }
};

const LATENT = {
  predictionLayersUncached: true,
  predictionLayersSkipped: true,
  latentAttention: true,
  scalesExperts: true,
} as const;

/** Architectures with an indexer over latent attention. */
export const ARCHITECTURES: Family = family({
  "deepseek32": attentionCache("models/deepseek32.cpp", {
    scalesSharedExpert: true,
    scalesFeedForward: true,
    graph: (b) => build(b, deepseek32(new IndexedAttention(b))),
    loads: deepseek32Loads,
    indexerLayers: "text",
    ...LATENT,
  }),
  "dots3note": attentionCache("models/dots3note.cpp", {
    scalesSharedExpert: true,
    scalesFeedForward: true,
    graph: (b) => build(b, dots3Note(new IndexedAttention(b))),
    loads: dots3NoteLoads,
    slidingWindow: { pattern: "any-length" },
    indexerLayers: "full",
    ...LATENT,
  }),
  "glm-dsa": attentionCache("models/glm-dsa.cpp", {
    scalesSharedExpert: true,
    scalesFeedForward: true,
    graph: (b) => build(b, deepseek32(new IndexedAttention(b, true))),
    loads: glmDsa,
    indexerLayers: "full",
    ...LATENT,
    indexerTypes: { perLayer: true, isFull: isFullIndexer },
  }),
});
