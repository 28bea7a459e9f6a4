import {
  attention,
  demandExperts,
  demandHeads,
  embedding,
  experts,
  expertSize,
  gatedFeedForward,
  gateUpExperts,
  headNorms,
  layerNorms,
  type Loads,
  longRopeFactors,
  norm,
  normWithBias,
  output,
  outputNormWithBias,
  outputOrTied,
  predictionHead,
  queryKeyValue,
  rmsNorms,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandGating, demandRotation } from "../loading/graph_demands.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  OPTIONAL_UNLOADED,
  type Presence,
} from "../loading/loader.ts";
import { loadsTransformer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { HEADER_EXPERTS, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** A router and its experts, each as long as the whole feed-forward would be. */
function wholeExperts(layer: LayerLoader): void {
  router(layer);
  experts(layer, { size: layer.model.feedForward() });
}

/** A mixture that must have experts, each of its own length. */
function demandedExperts(layer: LayerLoader, size: number): void {
  demandExperts(layer.model);
  router(layer);
  experts(layer, { size });
}

/** What is added to a router's result before the experts are chosen. */
function selectionBias(layer: LayerLoader, presence: Presence = OPTIONAL): void {
  layer.take(presence, "exp_probs_b.bias", layer.model.experts);
}

/** A layer before the first with experts. */
function isDense({ model, index }: LayerLoader): boolean {
  return index < model.hyperparameters.experts.leadingDenseLayerCount;
}

/** Rows of the experts that every token passes, where the header says how many there are. */
function sharedLength(l: Loader): number {
  return l.expertFeedForward() * l.hyperparameters.experts.sharedCount;
}

const qwen3moe = loadsTransformer({
  more: (l) => void l.mayLayerKey("expert_feed_forward_length"),
  layer: (layer) => {
    attention(layer);
    headNorms(layer);
    norm(layer, "ffn_norm");
    demandedExperts(layer, expertSize(layer.model));
  },
});

const qwen2moe = loadsTransformer({
  square: true,
  more: (l) => {
    l.mayLayerKey("expert_feed_forward_length");
    l.mayKey("expert_shared_feed_forward_length");
  },
  output,
  layer: (layer) => {
    const { model: l } = layer;
    attention(layer);
    norm(layer, "ffn_norm");
    demandedExperts(layer, expertSize(l));
    norm(layer, "ffn_gate_inp_shexp");
    sharedExperts(layer, l.hyperparameters.experts.sharedFeedForwardLength || l.feedForward());
  },
});

const olmoe = loadsTransformer({
  square: true,
  output,
  layer: (layer) => {
    const { model: l } = layer;
    l.demand(l.keys() === l.embedding, "its norm of all keys is longer than they are");
    attention(layer);
    norm(layer, "attn_q_norm");
    norm(layer, "attn_k_norm");
    norm(layer, "ffn_norm");
    demandedExperts(layer, l.feedForward());
  },
});

const phimoe = loadsTransformer({
  rotation: "part",
  square: true,
  more: (l) => {
    longRopeFactors(l, Math.floor(l.embedding / l.heads()));
  },
  output: (l) => {
    outputNormWithBias(l);
    l.need("output.weight", l.embedding, l.vocabulary);
    l.need("output.bias", l.vocabulary);
  },
  layer: (layer) => {
    attention(layer);
    layer.need("attn_norm.bias", layer.model.embedding);
    layer.need("attn_output.bias", layer.model.embedding);
    normWithBias(layer, "ffn_norm");
    wholeExperts(layer);
  },
});

const dbrx = loadsTransformer({
  norms: layerNorms,
  square: true,
  more: (l) => {
    l.key("attention.clamp_kqv");
    demandExperts(l);
  },
  output,
  layer: (layer) => {
    const { model: l } = layer;
    norm(layer, "attn_norm");
    layer.need("attn_qkv.weight", l.embedding, l.embedding + 2 * l.values());
    layer.need("attn_output.weight", l.embedding, l.embedding);
    norm(layer, "attn_output_norm");
    wholeExperts(layer);
  },
});

const hunyuanMoe = loadsTransformer({
  more: (l) => {
    l.layerKey("expert_feed_forward_length");
    l.mayKey("expert_shared_feed_forward_length");
  },
  layer: (layer) => {
    const { model: l } = layer;
    attention(layer);
    headNorms(layer);
    norm(layer, "ffn_norm");
    wholeExperts(layer);
    const shared = l.hyperparameters.experts.sharedFeedForwardLength;
    sharedExperts(layer, shared || l.feedForward(layer.index));
  },
});

const minimaxM2 = loadsTransformer({
  rotation: "part",
  more: (l) => {
    l.layerKey("expert_feed_forward_length");
    l.mayKey("expert_gating_func");
    demandGating(l);
  },
  output,
  layer: (layer) => {
    attention(layer);
    norm(layer, "attn_q_norm", layer.model.queries());
    norm(layer, "attn_k_norm", layer.model.keys());
    norm(layer, "ffn_norm");
    wholeExperts(layer);
    selectionBias(layer, NEEDED);
  },
});

/** Keys of mixtures after DeepSeek's: layers without experts first, experts for every token. */
function deepseekKeys(l: Loader): void {
  l.mayKey("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.mayKey("expert_weights_scale");
}

/** The same with what HEADER_EXPERTS reads. */
function headerExpertKeys(l: Loader): void {
  deepseekKeys(l);
  l.mayKey("expert_weights_norm");
}

const deepseek = loadsTransformer({
  square: true,
  more: (l) => {
    deepseekKeys(l);
  },
  layer: (layer) => {
    const { model: l } = layer;
    attention(layer);
    norm(layer, "ffn_norm");
    if (isDense(layer)) return gatedFeedForward(layer);
    demandedExperts(layer, l.expertFeedForward());
    sharedExperts(layer, sharedLength(l));
  },
});

/** As many heads for keys and values as for queries. */
const dots1 = loadsTransformer({
  more: (l) => {
    headerExpertKeys(l);
    l.mayKey("expert_gating_func");
    l.demand(
      l.keyValueHeads() === l.heads(),
      `it has ${l.keyValueHeads()} heads of keys and values for ${l.heads()} of queries`,
    );
  },
  output,
  layer: (layer) => {
    const { model: l } = layer;
    attention(layer);
    headNorms(layer);
    norm(layer, "ffn_norm");
    if (isDense(layer)) return gatedFeedForward(layer);
    demandGating(l);
    demandedExperts(layer, l.expertFeedForward());
    selectionBias(layer);
    sharedExperts(layer, sharedLength(l));
  },
});

const bailingmoe = loadsTransformer({
  more: headerExpertKeys,
  output,
  layer: (layer) => {
    const { model: l } = layer;
    attention(layer);
    norm(layer, "ffn_norm");
    demandedExperts(layer, l.expertFeedForward());
    sharedExperts(layer, sharedLength(l));
  },
});

/** Experts lie in the file, and are loaded, on layers that don't use them too. */
const ernieMoe = loadsTransformer({
  more: (l) => {
    l.mayLayerKey("rope.dimension_sections", 4);
    l.layerKey("expert_feed_forward_length");
    l.mayKey("expert_shared_feed_forward_length");
    l.key("interleave_moe_layer_step");
    l.mayKey("leading_dense_block_count");
    l.demand(l.hyperparameters.experts.layerStep > 0, "it has experts on no layer of each step");
  },
  layer: (layer) => {
    const { model: l } = layer;
    const { sharedFeedForwardLength: shared } = l.hyperparameters.experts;
    attention(layer);
    layer.may("attn_output.bias", l.embedding);
    norm(layer, "ffn_norm");
    if (isDense(layer)) return gatedFeedForward(layer);
    router(layer);
    selectionBias(layer);
    experts(layer, { gate: OPTIONAL });
    if (shared > 0) sharedExperts(layer, shared);
  },
});

/** Of the layers that predict further tokens nothing is loaded, and the file has all of it. */
const bailingmoe2: Loads = (l) => {
  rmsNorms(l);
  headerExpertKeys(l);
  l.mayKey("expert_shared_feed_forward_length");
  l.key("expert_gating_func");
  demandExperts(l);
  demandHeads(l, { square: true });
  demandRotation(l);
  embedding(l);
  output(l);
  const { sharedCount, sharedFeedForwardLength } = l.hyperparameters.experts;
  const shared = (sharedFeedForwardLength || l.expertFeedForward()) * sharedCount;
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    for (const name of ["attn_norm", "ffn_norm"]) {
      layer.take(presence, `${name}.weight`, l.embedding);
    }
    layer.take(presence, "attn_qkv.weight", l.embedding, l.embedding + 2 * l.values());
    layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
    headNorms(layer, presence);
    if (isDense(layer)) {
      gatedFeedForward(layer, l.feedForward(), presence);
    } else {
      demandGating(l);
      router(layer, presence);
      selectionBias(layer, { ...presence, isNeeded: false });
      experts(layer, { presence });
      sharedExperts(layer, shared, presence);
    }
    if (!predicts) continue;
    predictionHead(layer, presence);
    layer.take(presence, "layer_output_norm.weight", l.embedding);
  }
};

/** Layers that predict further tokens may be left out of the file. */
function predictionPresence(l: Loader): Presence {
  return l.has(`blk.${l.layerCount}.nextn.eh_proj.weight`) ? NEEDED_UNLOADED : OPTIONAL_UNLOADED;
}

const glm4moe: Loads = (l) => {
  rmsNorms(l);
  headerExpertKeys(l);
  l.mayLayerKey("rope.dimension_sections", 4);
  l.mayKey("expert_gating_func");
  demandExperts(l);
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  const size = expertSize(l);
  const { sharedCount } = l.hyperparameters.experts;
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    queryKeyValue(layer, { presence });
    layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
    headNorms(layer, { ...presence, isNeeded: false });
    for (const name of ["attn_norm", "post_attention_norm"]) {
      layer.take(presence, `${name}.weight`, l.embedding);
    }
    if (isDense(layer)) {
      gatedFeedForward(layer, l.feedForward(), presence);
    } else {
      demandGating(l, true);
      router(layer, presence);
      selectionBias(layer, presence);
      experts(layer, { size, presence });
      if (sharedCount > 0) sharedExperts(layer, size * sharedCount, presence);
    }
    if (predicts) predictionHead(layer, presence);
  }
};

/** Either feed-forward, whichever the file has; both where it predicts a further token. */
function hyFeedForward(layer: LayerLoader, presence: Presence): void {
  const { model: l } = layer;
  const size = expertSize(l);
  const hasExperts = layer.has("ffn_gate_inp.weight");
  gatedFeedForward(layer, l.feedForward(), hasExperts ? OPTIONAL : presence);
  if (hasExperts) demandGating(l, true);
  const ofExperts = hasExperts ? presence : OPTIONAL;
  router(layer, OPTIONAL);
  layer.may("exp_probs_b", l.experts);
  layer.take(ofExperts, "ffn_down_exps.weight", size, l.embedding, l.experts);
  gateUpExperts(layer, size, ofExperts);
  sharedExperts(layer, l.hyperparameters.experts.sharedFeedForwardLength || size, OPTIONAL);
}

const hyV3: Loads = (l) => {
  rmsNorms(l);
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.mayKey("expert_gating_func");
  l.mayKey("expert_weights_scale");
  l.mayKey("expert_weights_norm");
  demandHeads(l, { rope: true });
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    queryKeyValue(layer, { presence });
    layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
    headNorms(layer, presence);
    for (const name of ["attn_norm", "ffn_norm"]) {
      layer.take(presence, `${name}.weight`, l.embedding);
    }
    // llama.cpp loads these of a layer that predicts, and uses none of them.
    hyFeedForward(layer, predicts ? OPTIONAL : NEEDED);
    if (predicts) predictionHead(layer, presence, OPTIONAL);
  }
};

/** Text from attention and a mixture of experts, on layers that differ from the plain one in what their row says. */
export const ARCHITECTURES: Family = family({
  "bailingmoe": attentionCache("models/bailingmoe.cpp", {
    graph: transformer({ weightsNorm: "header" }),
    loads: bailingmoe,
  }),
  "bailingmoe2": attentionCache("models/bailingmoe2.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    predictionLayersSkipped: true,
    loads: bailingmoe2,
  }),
  "dbrx": attentionCache("models/dbrx.cpp", { graph: transformer({ norm: "layer" }), loads: dbrx }),
  "deepseek": attentionCache("models/deepseek.cpp", {
    graph: transformer({ weightsNorm: false }),
    loads: deepseek,
  }),
  "dots1": attentionCache("models/dots1.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    loads: dots1,
  }),
  "ernie4_5-moe": attentionCache("models/ernie4-5-moe.cpp", {
    graph: transformer({ routes: "step" }),
    loads: ernieMoe,
  }),
  "glm4moe": attentionCache("models/glm4-moe.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
    loads: glm4moe,
  }),
  "hunyuan-moe": attentionCache("models/hunyuan-moe.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    loads: hunyuanMoe,
  }),
  "hy_v3": attentionCache("models/hy-v3.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, lateOutputs: "after-norm" }),
    predictionLayersUncached: true,
    predictionLayersSkipped: true,
    scalesExperts: true,
    loads: hyV3,
  }),
  "minimax-m2": attentionCache("models/minimax-m2.cpp", {
    graph: transformer({ queryKeyNorm: "whole-rows", gating: "header" }),
    loads: minimaxM2,
  }),
  "olmoe": attentionCache("models/olmoe.cpp", {
    graph: transformer({ queryKeyNorm: "whole-rows", weightsNorm: false }),
    loads: olmoe,
  }),
  "phimoe": attentionCache("models/phimoe.cpp", {
    graph: transformer({ activation: "halves", lastResidualFirst: true }),
    loads: phimoe,
  }),
  "qwen2moe": attentionCache("models/qwen2moe.cpp", {
    graph: transformer({ weightsNorm: false }),
    loads: qwen2moe,
  }),
  "qwen3moe": attentionCache("models/qwen3moe.cpp", {
    graph: transformer(QUERY_KEY_NORM),
    scalesExperts: true,
    loads: qwen3moe,
  }),
});
