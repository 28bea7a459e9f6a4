import {
  attention,
  embedding,
  gatedFeedForward,
  headNorms,
  type Loads,
  mayFrequencies,
  mayWindow,
  norm,
  output,
  outputOrTied,
  predictionProjection,
  queryKeyValue,
  squareRows,
  tiedOutput,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { type LayerLoader, NEEDED, NEEDED_UNLOADED, OPTIONAL_UNLOADED } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** A layer between norms of what goes in and of what comes out. */
function normedBothWays(layer: LayerLoader): void {
  attention(layer);
  norm(layer, "post_attention_norm");
  norm(layer, "ffn_norm");
  gatedFeedForward(layer);
  norm(layer, "post_ffw_norm");
}

const gemma2: Loads = (l) => {
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
  l.mayKey("attention.sliding_window");
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("attn_logit_softcapping");
  l.mayKey("final_logit_softcapping");
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  tiedOutput(l);
  for (const layer of l.layers()) normedBothWays(layer);
};

const gemma3: Loads = (l) => {
  mayWindow(l);
  l.mayKey("final_logit_softcapping");
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    normedBothWays(layer);
    headNorms(layer);
  }
};

const museGlimmer: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.sliding_window");
  l.mayKey("final_logit_softcapping");
  l.key("logit_scale");
  l.mayKey("rope.freq_base_swa");
  l.layerKey(WINDOW_PATTERN, l.layerCount);
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  output(l);
  for (const layer of l.layers()) {
    normedBothWays(layer);
    headNorms(layer);
    layer.need("attn_gate.weight", l.embedding, l.queries());
  }
};

const olmo2: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  mayWindow(l);
  demandHeads(l, { rope: true, square: true });
  embedding(l);
  output(l);
  const width = l.embedding;
  for (const layer of l.layers()) {
    queryKeyValue(layer, { ...squareRows(l), apart: true });
    layer.need("attn_output.weight", width, width);
    norm(layer, "attn_q_norm");
    norm(layer, "attn_k_norm", l.values());
    norm(layer, "post_attention_norm");
    gatedFeedForward(layer);
    norm(layer, "post_ffw_norm");
  }
};

const plamo3: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  mayWindow(l);
  demandHeads(l, { perLayer: true });
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  const [key, value, width] = [l.keyLength(), l.valueLength(), l.embedding];
  for (const layer of l.layers()) {
    const [heads, keyValues] = [l.heads(layer.index), l.keyValueHeads(layer.index)];
    norm(layer, "attn_norm");
    layer.need("attn_qkv.weight", width, (heads + keyValues) * key + keyValues * value);
    headNorms(layer);
    layer.need("attn_output.weight", heads * value, width);
    // These two have no ".weight" behind their names.
    layer.need("post_attention_norm", width);
    layer.need("post_ffw_norm", width);
    norm(layer, "ffn_norm");
    layer.need("ffn_up.weight", width, 2 * l.feedForward(layer.index));
    layer.need("ffn_down.weight", l.feedForward(layer.index), width);
  }
};

const exaone4: Loads = (l) => {
  if (l.hyperparameters.slidingWindowKind !== "none") {
    l.maySingleKey(WINDOW_PATTERN);
    l.mayKey("rope.freq_base_swa");
  }
  l.mayKey("attention.sliding_window");
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true, square: true });
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    queryKeyValue(layer, { presence });
    layer.take(presence, "attn_output.weight", l.embedding, l.embedding);
    layer.take(presence, "post_attention_norm.weight", l.embedding);
    headNorms(layer, presence);
    gatedFeedForward(layer, l.feedForward(), presence);
    layer.take(presence, "post_ffw_norm.weight", l.embedding);
    if (!predicts) continue;
    predictionProjection(layer, presence);
    layer.take(OPTIONAL_UNLOADED, "nextn.shared_head_norm.weight", l.embedding);
  }
};

/** The same where some layers look at a sliding window only. */
export const ARCHITECTURES: Family = family({
  "exaone4": attentionCache("models/exaone4.cpp", {
    graph: transformer({
      unpinnedNorms: ["afterFeed"],
      ...QUERY_KEY_NORM,
      postNorms: true,
      rope: "sliding-or-all",
      onlyPostNorms: true,
    }),
    slidingWindow: { when: "64-layers", pattern: { period: 4 }, defaultWindow: 4096 },
    predictionLayersSkipped: true,
    loads: exaone4,
  }),
  "gemma2": attentionCache("models/gemma2.cpp", {
    scales: { final_logit_softcapping: 30 },
    capsScores: true,
    graph: transformer({
      unpinnedNorms: ["afterFeed"],
      activation: "gelu",
      prelude: "scale",
      scalesQueries: true,
      postNorms: true,
    }),
    slidingWindow: { pattern: { period: 2 }, defaultWindow: 4096 },
    loads: gemma2,
  }),
  "gemma3": attentionCache("models/gemma3.cpp", {
    scales: { final_logit_softcapping: 0 },
    graph: transformer({
      unpinnedNorms: ["afterFeed"],
      activation: "gelu",
      prelude: "scale",
      scalesQueries: true,
      ...QUERY_KEY_NORM,
      postNorms: true,
    }),
    slidingWindow: { when: "window", pattern: { period: 6 } },
    loads: gemma3,
  }),
  "muse-glimmer": attentionCache("models/muse-glimmer.cpp", {
    scales: { logit_scale: 0, final_logit_softcapping: 30 },
    graph: transformer({
      normsBeforeOutputs: true,
      unpinnedNorms: ["afterAttention", "afterFeed"],
      ...QUERY_KEY_NORM,
      prelude: "norm",
      postNorms: true,
      rope: "sliding",
      gatedAttention: true,
    }),
    slidingWindow: { pattern: { period: 4, orLayers: true } },
    loads: museGlimmer,
  }),
  "olmo2": attentionCache("models/olmo2.cpp", {
    unusedWeights: /attn_[qkv]\.(bias|scale)$/,
    graph: transformer({
      unpinnedNorms: ["afterFeed"],
      postNorms: true,
      onlyPostNorms: true,
      queryKeyNorm: "whole-rows",
    }),
    slidingWindow: { when: "window", pattern: { period: 4 } },
    loads: olmo2,
  }),
  "plamo3": attentionCache("models/plamo3.cpp", {
    unusedWeights: /attn_qkv\.scale$/,
    graph: transformer({ activation: "swiglu", ...QUERY_KEY_NORM, postNorms: true }),
    slidingWindow: { when: "window", pattern: { period: 8 } },
    loads: plamo3,
  }),
});
