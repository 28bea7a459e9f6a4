import {
  attention,
  demandedExperts,
  demandExperts,
  embedding,
  experts,
  expertSize,
  gatedFeedForward,
  gateUpExperts,
  headNorms,
  type Loads,
  mayRoute,
  maySections,
  norm,
  output,
  outputOrTied,
  predictionHead,
  predictionPresence,
  queryKeyValue,
  rmsNorms,
  router,
  selectionBias,
  sharedExperts,
} from "../loading/blocks.ts";
import {
  demandGating,
  demandHeads,
  demandRotation,
  demandWholeFeedForward,
} from "../loading/graph_demands.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
} from "../loading/loader.ts";
import { loadsTransformer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { HEADER_EXPERTS, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** A layer before the first with experts. */
function isDense({ model, index }: LayerLoader): boolean {
  return index < model.hyperparameters.experts.leadingDenseLayerCount;
}

/** Rows of the experts that every token passes, where the header says how many there are. */
function sharedLength(l: Loader): number {
  return l.expertFeedForward() * l.hyperparameters.experts.sharedCount;
}

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
    maySections(l);
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

const glm4moe: Loads = (l) => {
  rmsNorms(l);
  headerExpertKeys(l);
  maySections(l);
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

/** Either feed-forward, whichever the file has; llama.cpp loads those of layers that predict too. */
function hyFeedForward(layer: LayerLoader, predicts: boolean): void {
  const { model: l } = layer;
  const size = expertSize(l);
  const routes = layer.take(OPTIONAL, "ffn_gate_inp.weight", l.embedding, l.experts);
  const ofExperts = routes && !predicts ? NEEDED : OPTIONAL;
  gatedFeedForward(layer, l.feedForward(), OPTIONAL);
  layer.may("exp_probs_b", l.experts);
  layer.take(ofExperts, "ffn_down_exps.weight", size, l.embedding, l.experts);
  gateUpExperts(layer, size, ofExperts);
  sharedExperts(layer, l.hyperparameters.experts.sharedFeedForwardLength || size, OPTIONAL);
  if (predicts) return;
  demandWholeFeedForward(layer, routes ? "_shexp" : "");
  if (!routes) return;
  demandGating(l, true);
  l.demand(l.expertsUsed(layer.index) > 0, `layer ${layer.index} has experts, and uses none`);
}

const hyV3: Loads = (l) => {
  rmsNorms(l);
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  mayRoute(l);
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
    hyFeedForward(layer, predicts);
    if (predicts) predictionHead(layer, presence, OPTIONAL);
  }
};

/** Text from attention and a mixture of experts, some of which every token passes. */
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
  "deepseek": attentionCache("models/deepseek.cpp", {
    graph: transformer({ weightsNorm: false, weightsScale: "header" }),
    loads: deepseek,
  }),
  "dots1": attentionCache("models/dots1.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    loads: dots1,
  }),
  "ernie4_5-moe": attentionCache("models/ernie4-5-moe.cpp", {
    unusedWeights: /attn_output\.bias$/,
    graph: transformer({ routes: "step" }),
    loads: ernieMoe,
  }),
  "glm4moe": attentionCache("models/glm4-moe.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      norms: { feed: "post_attention_norm" },
    }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
    loads: glm4moe,
  }),
  "hy_v3": attentionCache("models/hy-v3.cpp", {
    scalesSharedExpert: true,
    scalesFeedForward: true,
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, lateOutputs: "after-norm" }),
    predictionLayersUncached: true,
    predictionLayersSkipped: /\.(attn_|ffn_norm\.|nextn\.(eh_proj|enorm|hnorm))/,
    scalesExperts: true,
    loads: hyV3,
  }),
});
