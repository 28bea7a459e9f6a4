import { COMPRESSED_HEAVY_RATIO, COMPRESSED_SPARSE_RATIO } from "../memory/kv_cache.ts";
import {
  embedding,
  experts,
  type Loads,
  output,
  predictionHead,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandPairs } from "../loading/graph_demands.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  type Presence,
} from "../loading/loader.ts";

/** The one function that its routers may have (`LLAMA_EXPERT_GATING_FUNC_TYPE_SQRT_SOFTPLUS`). */
const GATING_FUNCTION = 4;
/** Streams that its hyper-connections must have. */
const STREAMS = 4;

function deepSeek4Keys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.q_lora_rank");
  l.key("attention.sliding_window");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.key("expert_weights_scale");
  l.key("expert_weights_norm");
  l.layerKey("swiglu_clamp_exp");
  l.mayLayerKey("swiglu_clamp_shexp");
  l.key("attention.indexer.head_count");
  l.key("attention.indexer.key_length");
  l.key("attention.indexer.top_k");
  l.key("attention.output_group_count");
  l.key("attention.output_lora_rank");
  l.key("attention.compress_rope_freq_base");
  l.key("hyper_connection.count");
  l.key("hyper_connection.sinkhorn_iterations");
  l.key("hyper_connection.epsilon");
  l.key("hash_layer_count");
  l.array("attention.compress_ratios");
  l.key("expert_gating_func");
  const { hyperConnectionCount, experts: { gatingFunction } } = l.hyperparameters;
  l.demand(
    gatingFunction === GATING_FUNCTION,
    `its router's function is number ${gatingFunction}, and its architecture's is ${GATING_FUNCTION}`,
  );
  l.demand(
    hyperConnectionCount === STREAMS,
    `it has ${hyperConnectionCount} hyper-connections, and its architecture has ${STREAMS}`,
  );
  const groups = l.number("attention.output_group_count");
  l.demand(
    groups > 0 && l.heads() % groups === 0,
    `its ${l.heads()} heads aren't ${groups} equal groups`,
  );
  const [keys, values] = [l.keyLength(), l.valueLength()];
  l.demand(keys === values, `its heads have ${keys} elements for keys and ${values} for values`);
  demandRotated(l, keys);
  demandPairs(l);
  const shared = l.hyperparameters.keyValueHeadCounts.slice(0, l.layerCount);
  const other = shared.find((count) => count !== 1);
  l.demand(other === undefined, `it caches ${other} heads, and its architecture's are one`);
  l.demand(
    l.number("hyper_connection.sinkhorn_iterations") > 0,
    "its hyper-connections are never balanced",
  );
}

function demandRotated(l: Loader, length: number): void {
  l.demand(l.rope() <= length, `rope rotates ${l.rope()} elements of keys that have ${length}`);
}

/** Keys of a few tokens in one, and an indexer to choose between those of very few. */
function compressorWeights(layer: LayerLoader, ratio: number, presence: Presence): void {
  const { embedding: width, hyperparameters: { indexer, latentAttention } } = layer.model;
  const compressor = (name: string, length: number) => {
    const all = ratio === COMPRESSED_SPARSE_RATIO ? 2 * length : length;
    layer.take(presence, `${name}_kv.weight`, width, all);
    layer.take(presence, `${name}_gate.weight`, width, all);
    layer.take(presence, `${name}_ape.weight`, all, ratio);
    layer.take(presence, `${name}_norm.weight`, length);
  };
  compressor("attn_compressor", layer.model.keyLength());
  if (ratio === COMPRESSED_HEAVY_RATIO) return;
  layer.model.demand(
    ratio === COMPRESSED_SPARSE_RATIO,
    `layer ${layer.index} compresses ${ratio} keys into one, not 4 or 128`,
  );
  const { headCount, keyLength } = indexer;
  demandRotated(layer.model, keyLength);
  layer.take(presence, "indexer.proj.weight", width, headCount);
  const rank = latentAttention.queryLoraRank;
  layer.take(presence, "indexer.attn_q_b.weight", rank, headCount * keyLength);
  compressor("indexer_compressor", keyLength);
}

function deepSeek4Attention(layer: LayerLoader, presence: Presence): void {
  const l = layer.model;
  const { embedding: width, hyperparameters: { latentAttention } } = l;
  const [length, rank] = [l.keyLength(), latentAttention.queryLoraRank];
  const take = (name: string, ...shape: number[]) => layer.take(presence, name, ...shape);
  const groups = l.number("attention.output_group_count");
  const outputRank = l.number("attention.output_lora_rank");
  take("attn_norm.weight", width);
  take("attn_sinks.weight", l.heads());
  take("attn_q_a.weight", width, rank);
  take("attn_q_a_norm.weight", rank);
  take("attn_q_b.weight", rank, l.queries());
  take("attn_kv.weight", width, length);
  take("attn_kv_a_norm.weight", length);
  const rows = Math.floor(l.queries() / groups);
  layer.takeReshaped(presence, "attn_output_a.weight", rows, outputRank, groups);
  take("attn_output_b.weight", groups * outputRank, width);
}

/** src/models/deepseek4.cpp */
export const deepSeek4Loads: Loads = (l) => {
  deepSeek4Keys(l);
  const { embedding: width, hyperparameters } = l;
  const { compressRatios, hyperConnectionCount: streams, experts: { sharedCount } } =
    hyperparameters;
  embedding(l);
  output(l);
  l.need("output_hc_fn.weight", streams * width, streams);
  l.need("output_hc_base.weight", streams);
  l.need("output_hc_scale.weight", 1);
  const mixed = (2 + streams) * streams;
  const hashed = l.number("hash_layer_count");
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    const take = (name: string, ...shape: number[]) => layer.take(presence, name, ...shape);
    deepSeek4Attention(layer, presence);
    for (const block of ["attn", "ffn"]) {
      take(`hc_${block}_fn.weight`, streams * width, mixed);
      take(`hc_${block}_base.weight`, mixed);
      take(`hc_${block}_scale.weight`, 3);
    }
    const ratio = compressRatios[layer.index] ?? 0;
    if (ratio !== 0) compressorWeights(layer, ratio, presence);
    router(layer, presence);
    if (layer.index < hashed) take("ffn_gate_tid2eid.weight", l.expertsUsed(), l.vocabulary);
    else take("exp_probs_b.bias", l.experts);
    layer.take({ ...presence, isNeeded: false }, "exp_probs_b_vl.bias", l.experts);
    take("ffn_norm.weight", width);
    experts(layer, { presence });
    sharedExperts(layer, l.expertFeedForward() * sharedCount, presence);
    if (predicts) predictionHead(layer);
  }
};
