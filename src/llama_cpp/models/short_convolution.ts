import { attentionAndState, type Family, family } from "./architecture.ts";
import { shortConvolution } from "../graph/blocks/short_convolution.ts";
import { onStateLayers, transformer, type TransformerRow } from "../graph/transformer.ts";
import {
  demandExperts,
  embedding,
  experts,
  gatedFeedForward,
  headNorms,
  type Loads,
  norm,
  queryKeyValue,
  router,
} from "../loading/blocks.ts";
import { demandGating, demandRotation } from "../loading/graph_demands.ts";
import type { Loader } from "../loading/loader.ts";

/** Layers of attention and short convolutions, from layer `dense` on with experts. */
function shortConvolutions(l: Loader, dense: number): void {
  const { embedding: width } = l;
  const { recurrentLayers, shortConvolutionCache, outputEmbeddingLength } = l.hyperparameters;
  demandRotation(l);
  embedding(l);
  l.need("token_embd_norm.weight", width);
  l.may("output.weight", width, l.vocabulary);
  for (const layer of l.layers()) {
    const { index } = layer;
    norm(layer, "ffn_norm");
    if (index < dense) {
      gatedFeedForward(layer);
    } else {
      demandExperts(l);
      demandGating(l);
      router(layer);
      experts(layer);
      layer.need("exp_probs_b.bias", l.experts);
    }
    norm(layer, "attn_norm");
    if (recurrentLayers[index]) {
      l.demand(shortConvolutionCache > 1, "its short convolutions are of one token");
      layer.need("shortconv.conv.weight", shortConvolutionCache, width);
      layer.need("shortconv.in_proj.weight", width, 3 * width);
      layer.need("shortconv.out_proj.weight", width, width);
      continue;
    }
    headNorms(layer);
    const [keys, values] = [l.keys(index), l.values(index)];
    l.demand(keys === values && l.keys() === l.values(), "its keys and values differ in length");
    queryKeyValue(layer, { queries: width, keys, values });
    layer.need("attn_output.weight", width, width);
  }
  l.may("dense_2.weight", width, outputEmbeddingLength);
  l.may("dense_2.bias", outputEmbeddingLength);
}

const lfm2: Loads = (l) => {
  l.key("shortconv.l_cache");
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("attention.sliding_window");
  shortConvolutions(l, l.layerCount);
};

const lfm2moe: Loads = (l) => {
  l.key("shortconv.l_cache");
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_gating_func");
  shortConvolutions(l, l.hyperparameters.experts.leadingDenseLayerCount);
};

const LFM2: TransformerRow = {
  norms: { last: "token_embd_norm" },
  residualFirst: true,
  lastResidualFirst: true,
  queryKeyNorm: "before-rope",
  gating: "header",
  mix: onStateLayers(shortConvolution),
};

/** Architectures with attention on some layers and a short convolution on the others. */
export const ARCHITECTURES: Family = family({
  "lfm2": attentionAndState("models/lfm2.cpp", {
    loads: lfm2,
    graph: transformer(LFM2),
    slidingWindow: { when: "window", pattern: "not-recurrent" },
    recurrentLayers: "no-kv-heads",
    state: "short-convolution",
    dense: true,
  }),
  "lfm2moe": attentionAndState("models/lfm2moe.cpp", {
    loads: lfm2moe,
    graph: transformer(LFM2),
    recurrentLayers: "no-kv-heads",
    state: "short-convolution",
  }),
});
