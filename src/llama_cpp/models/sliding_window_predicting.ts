import {
  demandExperts,
  embedding,
  experts,
  gatedFeedForward,
  headNorms,
  type Loads,
  mayFrequencies,
  mayRoute,
  output,
  ownRows,
  predictionHead,
  predictionPresence,
  queryKeyValue,
  ropeFactors,
  router,
  sharedExperts,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import {
  demandGating,
  demandHeads,
  demandRotation,
  demandWholeFeedForward,
} from "../loading/graph_demands.ts";
import { NEEDED, NEEDED_UNLOADED, OPTIONAL, OPTIONAL_UNLOADED } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import {
  attend,
  HEADER_EXPERTS,
  type LayerBuilder,
  QUERY_KEY_NORM,
  transformer,
} from "../graph/transformer.ts";

const exaoneMoe: Loads = (l) => {
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
  l.key("attention.sliding_window");
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("expert_shared_count");
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.key("expert_gating_func");
  mayRoute(l);
  demandGating(l);
  l.mayKey("leading_dense_block_count");
  demandHeads(l, { rope: true });
  const { leadingDenseLayerCount, sharedFeedForwardLength } = l.hyperparameters.experts;
  embedding(l);
  output(l);
  const hasFactors = mayFrequencies(l);
  // llama.cpp counts the factors once more for each layer that predicts.
  l.demand(
    !hasFactors || l.allLayerCount === l.layerCount,
    "it has rope factors beside layers that predict further tokens",
  );
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    queryKeyValue(layer, { presence });
    layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
    layer.take(presence, "attn_norm.weight", l.embedding);
    headNorms(layer, presence);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    if (predicts) predictionHead(layer);
    if (predicts || layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer, l.feedForward(), presence);
      continue;
    }
    demandExperts(l);
    router(layer);
    layer.may("exp_probs_b.bias", l.experts);
    experts(layer);
    sharedExperts(layer, sharedFeedForwardLength || l.expertFeedForward());
  }
};

const mimo2: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.key("attention.sliding_window");
  l.mayKey("rope.freq_base_swa");
  l.layerKey(WINDOW_PATTERN, l.layerCount);
  l.mayKey("attention.value_scale");
  demandRotation(l);
  embedding(l);
  output(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    const optional = predicts ? OPTIONAL_UNLOADED : OPTIONAL;
    const heads = l.heads(layer.index);
    queryKeyValue(layer, { ...ownRows(layer), presence });
    layer.take(presence, "attn_output.weight", heads * l.valueLength(), l.embedding);
    layer.take(presence, "attn_norm.weight", l.embedding);
    layer.take(optional, "attn_sinks.weight", heads);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    gatedFeedForward(layer, l.feedForward(), optional);
    router(layer, optional);
    experts(layer, { presence: optional });
    layer.take(optional, "exp_probs_b.bias", l.experts);
    if (predicts) {
      predictionHead(layer, presence);
      layer.take(optional, "layer_output_norm.weight", l.embedding);
    } else if (layer.has("ffn_gate_inp.weight")) {
      experts(layer, { gate: OPTIONAL });
    } else demandWholeFeedForward(layer);
  }
};

const step35: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  mayRoute(l);
  demandGating(l, true);
  l.key("attention.sliding_window");
  l.mayKey("rope.freq_base_swa");
  l.layerKey(WINDOW_PATTERN);
  l.mayLayerKey("swiglu_clamp_exp");
  l.mayLayerKey("swiglu_clamp_shexp");
  for (let layer = 0; layer < l.layerCount; layer++) demandRotation(l, layer);
  const shared = l.hyperparameters.experts.sharedFeedForwardLength;
  embedding(l);
  output(l);
  ropeFactors(l, Math.max(...l.hyperparameters.ropeDimensionCounts.slice(0, l.layerCount)));
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    const heads = l.heads(layer.index);
    layer.take(presence, "attn_norm.weight", l.embedding);
    headNorms(layer, OPTIONAL);
    queryKeyValue(layer, { ...ownRows(layer), presence, apart: true });
    layer.take(presence, "attn_output.weight", heads * l.valueLength(), l.embedding);
    layer.may("attn_gate.weight", l.embedding, heads);
    layer.take(presence, "ffn_norm.weight", l.embedding);
    gatedFeedForward(layer, l.feedForward(), OPTIONAL);
    router(layer, OPTIONAL);
    experts(layer, { presence: OPTIONAL });
    layer.may("exp_probs_b.bias", l.experts);
    sharedExperts(layer, shared, OPTIONAL);
    if (predicts) {
      predictionHead(layer, presence, OPTIONAL);
      continue;
    }
    if (layer.has("ffn_gate_inp.weight")) {
      experts(layer, { gate: OPTIONAL });
      demandWholeFeedForward(layer, "_shexp");
    } else demandWholeFeedForward(layer);
  }
};

/** Values may be scaled, which is done to what attention gives (src/models/mimo2.cpp). */
const mimo2Attention: LayerBuilder = (b, row, layer, x) => {
  const y = attend(b, row, layer, x);
  return b.keys.real("attention.value_scale") === 0 ? y : b.graph.scale(y);
};

/** Mixtures on windows whose files may have layers that predict further tokens. */
export const ARCHITECTURES: Family = family({
  "exaone-moe": attentionCache("models/exaone-moe.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, rope: "sliding" }),
    slidingWindow: { pattern: { period: 4 } },
    predictionLayersSkipped: true,
    loads: exaoneMoe,
  }),
  "mimo2": attentionCache("models/mimo2.cpp", {
    unusedWeights: /attn_(q|k|v|qkv)\.(scale|bias)$|attn_output\.bias$/,
    graph: transformer({ gating: "sigmoid", mix: mimo2Attention }),
    slidingWindow: { pattern: "layers" },
    predictionLayersUncached: true,
    predictionLayersSkipped: true,
    loads: mimo2,
  }),
  "step35": attentionCache("models/step35.cpp", {
    unusedWeights: /attn_[qkv]\.(scale|bias)$|attn_(output|gate)\.bias$|attn_gate\.scale$/,
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      gatedAttention: true,
      slidesWithoutFactors: true,
      lateOutputs: "before-norm",
    }),
    slidingWindow: { pattern: "all-layers" },
    predictionLayersUncached: true,
    predictionLayersSkipped:
      /\.(attn_(norm|output|qkv|[qkv])|ffn_norm|nextn\.(eh_proj|enorm|hnorm))\./,
    halvesRope: true,
    loads: step35,
  }),
});
