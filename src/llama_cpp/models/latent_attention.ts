import { ALL_BUT_FUSED_EXPERTS, attentionCache, type Family, family } from "./architecture.ts";
import { decompressedAttention, latentAttention } from "../graph/blocks/latent_attention.ts";
import {
  embedding,
  gatedFeedForward,
  type Loads,
  longRopeFactors,
  mayRoute,
  norm,
  outputOrTied,
  predictionHead,
  predictionPresence,
  tiedOutput,
  ungatedFeedForward,
} from "../loading/blocks.ts";
import { demandPairs } from "../loading/graph_demands.ts";
import {
  demandCachedRows,
  denseThenExperts,
  latentKeys,
  latentMatrices,
  latentQueries,
  latentSizes,
  wholeMatrix,
} from "../loading/latent_blocks.ts";
import { type Loader, NEEDED } from "../loading/loader.ts";
import type { Builder, GraphBuilder } from "../graph/builder.ts";
import {
  buildTransformer,
  HEADER_EXPERTS,
  type LayerBuilder,
  transformer,
} from "../graph/transformer.ts";

const attendLatent: LayerBuilder = (b, _row, layer, x) =>
  latentAttention(b, layer, x, {
    ropes: true,
    splitsHeads: true,
    temperature: b.keys.real("attention.temperature_scale") !== 0,
  });

const attendDecompressed: LayerBuilder = (b, _row, layer, x) =>
  decompressedAttention(b, layer, x, { ropes: true });

const attendMerged: LayerBuilder = (b, _row, layer, x) =>
  decompressedAttention(b, layer, x, { ropes: true, mergesValues: true });

/** The embedding is scaled after the last norm, where it must stay readable. */
function buildMiniCpm3(b: Builder): void {
  b.scalesEmbedding = true;
  buildTransformer(b, { prelude: "scale", scalesResiduals: true, mix: attendDecompressed });
}

/** Small models of these depths have one matrix for queries, and no key for its rank. */
function isLite(l: Loader): boolean {
  const { layerCount } = l;
  l.mayKey("vocab_size");
  const tokens = l.header.metadata.get("tokenizer.ggml.tokens");
  const listed = typeof tokens === "object" ? tokens.length : 0;
  const vocabulary = l.value("vocab_size") ?? listed;
  return layerCount === 26 || layerCount === 27 || (layerCount === 48 && vocabulary === 128256);
}

const deepseek2: Loads = (l) => {
  const lite = isLite(l);
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("leading_dense_block_count");
  if (!lite) l.key("attention.q_lora_rank");
  l.key("attention.kv_lora_rank");
  l.mayKey("attention.key_length_mla");
  l.mayKey("attention.value_length_mla");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  mayRoute(l);
  l.mayKey("rope.scaling.yarn_log_multiplier");
  l.mayKey("attention.temperature_scale");
  l.mayKey("attention.temperature_length");
  demandPairs(l);
  embedding(l);
  outputOrTied(l);
  const read = latentSizes(l);
  const sizes = lite ? { ...read, queryRank: 0 } : read;
  l.demand(sizes.keyLength > l.rope(), `rope rotates all ${sizes.keyLength} elements of a key`);
  demandCachedRows(l, () => sizes);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    layer.take(presence, "attn_norm.weight", l.embedding);
    latentQueries(layer, sizes, presence);
    latentKeys(layer, sizes, presence);
    if (l.hyperparameters.usesLatentAttention) latentMatrices(layer, sizes, presence);
    else wholeMatrix(layer, sizes, presence);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    const bias = { ...presence, isNeeded: false };
    denseThenExperts(layer, { presence, bias, fused: true, hasGating: true });
    if (predicts) predictionHead(layer, presence);
  }
};

/** The same without latent attention. */
const deepseek2ocr: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  mayRoute(l);
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  const length = Math.floor(width / l.heads());
  l.demand(
    l.keyLength() === length && l.valueLength() === length,
    `its heads aren't as long as its ${l.heads()} heads' share of its embedding`,
  );
  const base = l.value("rope.freq_base") ?? 10000;
  l.demand(Math.abs(Number(base) - 10000) < 1e-4, `its rope has a base of ${base}, not of 10000`);
  for (const layer of l.layers()) {
    for (const name of ["q", "k", "v", "output"]) layer.need(`attn_${name}.weight`, width, width);
    norm(layer, "ffn_norm");
    norm(layer, "attn_norm");
    denseThenExperts(layer, { fused: true, hasGating: true });
  }
};

/** Keys and values are cached whole, whatever lengths the header has for MLA. */
const wholeSizes = (l: Loader) => ({
  ...latentSizes(l),
  keyLength: l.keyLength(),
  valueLength: l.valueLength(),
});

const minicpm3: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.q_lora_rank");
  l.key("attention.kv_lora_rank");
  embedding(l);
  outputOrTied(l);
  longRopeFactors(l);
  demandPairs(l);
  demandCachedRows(l, () => wholeSizes(l));
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    latentQueries(layer, wholeSizes(l));
    latentKeys(layer, wholeSizes(l));
    wholeMatrix(layer, wholeSizes(l));
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
  }
};

const plm: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.kv_lora_rank");
  embedding(l);
  tiedOutput(l);
  demandPairs(l);
  const sizes = { ...wholeSizes(l), queryRank: 0 };
  demandCachedRows(l, () => sizes);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    latentQueries(layer, sizes);
    latentKeys(layer, sizes);
    wholeMatrix(layer, sizes);
    norm(layer, "ffn_norm");
    ungatedFeedForward(layer);
  }
};

/** Of headers that name no router's function, GLM 4.7 Lite's alone means a sigmoid. */
const buildDeepSeek2: GraphBuilder = (b) => {
  const { layerCount } = b.hyperparameters;
  const isLite = (layerCount === 47 || layerCount === 48) && b.need("token_embd").n1 === 154880;
  const defaultGating = isLite ? "sigmoid" : "softmax";
  buildTransformer(b, { ...HEADER_EXPERTS, defaultGating, mix: attendLatent });
};

/** Architectures with multi-head latent attention on every layer. */
export const ARCHITECTURES: Family = family({
  "deepseek2": attentionCache("models/deepseek2.cpp", {
    loads: deepseek2,
    graph: buildDeepSeek2,
    predictionLayersSkipped: ALL_BUT_FUSED_EXPERTS,
    latentAttention: true,
  }),
  "deepseek2-ocr": attentionCache("models/deepseek2ocr.cpp", {
    graph: transformer({ ...HEADER_EXPERTS, defaultGating: "softmax" }),
    loads: deepseek2ocr,
  }),
  "minicpm3": attentionCache("models/minicpm3.cpp", { graph: buildMiniCpm3, loads: minicpm3 }),
  "mistral4": attentionCache("models/mistral4.cpp", {
    loads: deepseek2,
    graph: buildDeepSeek2,
    predictionLayersSkipped: ALL_BUT_FUSED_EXPERTS,
    latentAttention: true,
  }),
  "plm": attentionCache("models/plm.cpp", {
    loads: plm,
    graph: transformer({ activation: "relu-squared", mix: attendMerged }),
    // Its values have lost their heads when they are stored.
    breaksWithFlashAttention: true,
  }),
});
