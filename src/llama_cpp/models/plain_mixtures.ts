import {
  attention,
  demandedExperts,
  demandExperts,
  experts,
  expertSize,
  headNorms,
  layerNorms,
  longRopeFactors,
  norm,
  normWithBias,
  output,
  outputNormWithBias,
  router,
  selectionBias,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandGating } from "../loading/graph_demands.ts";
import { type LayerLoader, NEEDED } from "../loading/loader.ts";
import { loadsTransformer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** A router and its experts, each as long as the whole feed-forward would be. */
function wholeExperts(layer: LayerLoader): void {
  router(layer);
  experts(layer, { size: layer.model.feedForward() });
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
    attention(layer, { apart: true });
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
    attention(layer, { apart: true });
    norm(layer, "attn_q_norm", layer.model.queries());
    norm(layer, "attn_k_norm", layer.model.keys());
    norm(layer, "ffn_norm");
    wholeExperts(layer);
    selectionBias(layer, NEEDED);
  },
});

/** Text from attention and a mixture of experts on every layer. */
export const ARCHITECTURES: Family = family({
  "dbrx": attentionCache("models/dbrx.cpp", {
    clampsProjections: true,
    graph: transformer({ norms: { feed: "attn_output_norm" }, norm: "layer" }),
    loads: dbrx,
  }),
  "hunyuan-moe": attentionCache("models/hunyuan-moe.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    loads: hunyuanMoe,
  }),
  "minimax-m2": attentionCache("models/minimax-m2.cpp", {
    unusedWeights: /attn_[qkv]\.(bias|scale)$/,
    graph: transformer({ queryKeyNorm: "whole-rows", gating: "header" }),
    loads: minimaxM2,
  }),
  "olmoe": attentionCache("models/olmoe.cpp", {
    unusedWeights: /attn_[qkv]\.(bias|scale)$/,
    graph: transformer({ queryKeyNorm: "whole-rows", weightsNorm: false }),
    loads: olmoe,
  }),
  "phimoe": attentionCache("models/phimoe.cpp", {
    graph: transformer({ scalesQueries: true, activation: "swiglu", lastResidualFirst: true }),
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
