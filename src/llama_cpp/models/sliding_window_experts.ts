import {
  attention,
  attentionOutput,
  demandExperts,
  embedding,
  experts,
  expertSize,
  feedForwardBiases,
  gatedFeedForward,
  gateUpExperts,
  headNorms,
  type Loads,
  mayFrequencies,
  mayRoute,
  mayWindow,
  norm,
  output,
  outputOrTied,
  queryKeyValue,
  ropeFactors,
  router,
  sharedExperts,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { mayDeepstack } from "../loading/deepstack.ts";
import { demandGating, demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { HEADER_EXPERTS, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

const afmoe: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  mayRoute(l);
  demandGating(l, true);
  mayWindow(l);
  l.demand(l.hyperparameters.slidingWindow > 0, "it has no sliding window");
  demandHeads(l);
  demandRotation(l);
  const { leadingDenseLayerCount, sharedCount } = l.hyperparameters.experts;
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    attention(layer);
    norm(layer, "post_attention_norm");
    headNorms(layer);
    layer.need("attn_gate.weight", l.embedding, l.queries());
    norm(layer, "ffn_norm");
    norm(layer, "post_ffw_norm");
    if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
      continue;
    }
    router(layer);
    layer.need("exp_probs_b.bias", l.experts);
    experts(layer);
    if (sharedCount > 0) sharedExperts(layer, l.expertFeedForward() * sharedCount);
  }
};

const gptOss: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.key("attention.sliding_window");
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
  demandHeads(l, { rope: true });
  demandExperts(l);
  embedding(l);
  output(l);
  for (const layer of l.layers()) {
    attention(layer);
    norm(layer, "post_attention_norm");
    layer.need("attn_output.bias", l.embedding);
    layer.need("attn_sinks.weight", l.heads());
    router(layer);
    layer.need("ffn_gate_inp.bias", l.experts);
    experts(layer);
    layer.need("ffn_gate_exps.bias", l.expertFeedForward(), l.experts);
    layer.need("ffn_down_exps.bias", l.embedding, l.experts);
    layer.need("ffn_up_exps.bias", l.expertFeedForward(), l.experts);
  }
};

const graniteSwa: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("logit_scale");
  l.mayKey("residual_scale");
  l.mayKey("embedding_scale");
  l.mayKey("attention.scale");
  l.array(WINDOW_PATTERN);
  l.key("attention.sliding_window");
  mayDeepstack(l);
  l.mayArray("attention.rope_pattern");
  l.mayKey("expert_shared_feed_forward_length");
  demandHeads(l, { rope: true });
  const shared = l.hyperparameters.experts.sharedFeedForwardLength;
  embedding(l);
  outputOrTied(l);
  ropeFactors(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    queryKeyValue(layer);
    attentionOutput(layer);
    layer.need("attn_sinks.weight", l.heads());
    norm(layer, "ffn_norm");
    if (l.experts === 0) {
      gatedFeedForward(layer);
      feedForwardBiases(layer);
      continue;
    }
    router(layer);
    layer.need("ffn_down_exps.weight", l.feedForward(), l.embedding, l.experts);
    gateUpExperts(layer, l.feedForward());
    if (shared === 0) continue;
    layer.need("ffn_up_shexp.weight", l.embedding, 2 * shared);
    layer.need("ffn_down_shexp.weight", shared, l.embedding);
  }
};

const laguna: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  mayRoute(l);
  demandGating(l, true);
  l.mayKey("expert_shared_count");
  l.mayKey("expert_shared_feed_forward_length");
  mayWindow(l);
  demandHeads(l, { perLayer: true });
  for (let layer = 0; layer < l.layerCount; layer++) demandRotation(l, layer);
  const { leadingDenseLayerCount, sharedCount, sharedFeedForwardLength } =
    l.hyperparameters.experts;
  const shared = sharedFeedForwardLength || l.expertFeedForward() * sharedCount;
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    const [heads, keyValues] = [l.heads(layer.index), l.keyValueHeads(layer.index)];
    const queries = heads * l.keyLength();
    norm(layer, "attn_norm");
    queryKeyValue(layer, {
      queries,
      keys: keyValues * l.keyLength(),
      values: keyValues * l.valueLength(),
    });
    layer.need("attn_output.weight", queries, l.embedding);
    headNorms(layer);
    // A gate for each element or for each head.
    const gates = layer.dimensions("attn_gate.weight")?.[1] === queries ? queries : heads;
    layer.need("attn_gate.weight", l.embedding, gates);
    norm(layer, "ffn_norm");
    if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
      continue;
    }
    router(layer);
    layer.need("exp_probs_b.bias", l.experts);
    experts(layer);
    sharedExperts(layer, shared);
  }
};

const llama4: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.key("interleave_moe_layer_step");
  mayWindow(l);
  demandHeads(l, { rope: true });
  demandExperts(l);
  const step = l.hyperparameters.experts.layerStep;
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
  for (const layer of l.layers()) {
    attention(layer);
    norm(layer, "ffn_norm");
    if (step === 0 || (layer.index + 1) % step !== 0) {
      gatedFeedForward(layer);
      continue;
    }
    router(layer);
    experts(layer);
    sharedExperts(layer, l.expertFeedForward());
  }
};

const mellum: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("expert_feed_forward_length");
  l.mayKey("attention.sliding_window");
  if (l.hyperparameters.slidingWindowKind !== "none") {
    l.layerKey(WINDOW_PATTERN, l.layerCount);
    l.mayKey("rope.freq_base_swa");
  }
  demandHeads(l, { rope: true });
  demandExperts(l);
  embedding(l);
  output(l);
  for (const layer of l.layers()) {
    attention(layer);
    headNorms(layer);
    norm(layer, "ffn_norm");
    router(layer);
    experts(layer, { size: expertSize(l) });
  }
};

/** Mixtures of experts where some layers look at a sliding window only. */
export const ARCHITECTURES: Family = family({
  "afmoe": attentionCache("models/afmoe.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      prelude: "scale",
      postNorms: true,
      normsBeforeOutputs: true,
      rope: "step",
      gatedAttention: true,
    }),
    slidingWindow: { when: "window", pattern: { period: 4 } },
    loads: afmoe,
  }),
  "gpt-oss": attentionCache("models/openai-moe.cpp", {
    graph: transformer({
      gating: "softmax-weight",
      expertActivation: "swiglu-oai",
      weightsNorm: false,
      norms: { feed: "post_attention_norm" },
      lateOutputs: "before-norm",
    }),
    slidingWindow: { pattern: { period: 2 } },
    loads: gptOss,
  }),
  "granite_swa": attentionCache("models/granite-swa.cpp", {
    scales: { embedding_scale: 0, residual_scale: 0, logit_scale: 0 },
    graph: transformer({ rope: "pattern", sharedActivation: "swiglu", deepstack: true }),
    slidingWindow: { pattern: "any-length" },
    deepstack: "mapping",
    loads: graniteSwa,
  }),
  "laguna": attentionCache("models/laguna.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      gatedAttention: true,
      gateFunction: "SOFTPLUS",
    }),
    slidingWindow: { when: "window", pattern: { period: 4, denseFirst: true } },
    defaultSharedExperts: 1,
    loads: laguna,
  }),
  "llama4": attentionCache("models/llama4.cpp", {
    graph: transformer({
      rope: "step-with-windows",
      queryKeyNorm: "plain-after-rope",
      attentionTemperature: "without-rope",
      gating: "sigmoid",
      weightsNorm: false,
      weighsFirst: true,
      selectsBy: "logits",
    }),
    slidingWindow: {
      kind: "chunked",
      when: "unless-zero",
      pattern: { period: 4 },
      fixedWindow: 8192,
    },
    loads: llama4,
  }),
  "mellum": attentionCache("models/mellum.cpp", {
    graph: transformer(QUERY_KEY_NORM),
    slidingWindow: { when: "window", pattern: { period: 4, orLayers: true } },
    scalesExperts: true,
    loads: mellum,
  }),
});
