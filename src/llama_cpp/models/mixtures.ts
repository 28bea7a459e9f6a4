import {
  attention,
  demandExperts,
  embedding,
  experts,
  expertSize,
  gatedFeedForward,
  headNorms,
  type Loads,
  mayWindow,
  norm,
  outputOrTied,
  router,
  squareRows,
} from "../loading/blocks.ts";
import { demandGating, demandHeads } from "../loading/graph_demands.ts";
import { OPTIONAL } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import {
  attend,
  keepOutputs,
  type LayerBuilder,
  transformer,
  transformerLayer,
} from "../graph/transformer.ts";

/** Attention and a dense feed-forward, experts beside both (src/models/arctic.cpp). */
const arctic: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const norm = (name: string, y: Tensor) => b.norm(y, "rms", `blk.${layer}.${name}`);
  const attended = attend(b, row, layer, norm("attn_norm", x));
  const [y, residual] = keepOutputs(b, layer, [attended, x]);
  const middle = graph.add(y, residual);
  const dense = graph.add(feedForward(b, layer, norm("ffn_norm", middle), "silu"), middle);
  const routed = mixtureOfExperts(b, layer, norm("ffn_norm_exps", residual));
  return graph.add(routed, dense);
};

/** Experts, and a dense feed-forward beside them where there is one (src/models/grok.cpp). */
const grokFeed: LayerBuilder = (b, _row, layer, x) => {
  const { graph } = b;
  const routed = mixtureOfExperts(b, layer, x, { activation: "gelu" });
  return b.has(`blk.${layer}.ffn_up`)
    ? graph.scale(graph.add(feedForward(b, layer, x, "gelu"), routed))
    : routed;
};

/** The norm after them has one of two names. */
const grok: LayerBuilder = (b, row, layer, x) => {
  const afterFeed = b.has(`blk.${layer}.layer_output_norm`) ? "layer_output_norm" : "post_ffw_norm";
  const norms = { afterAttention: "attn_output_norm", afterFeed };
  return transformerLayer(b, { ...row, norms }, layer, x);
};

/** Two mixtures by one router, the second of chunks and on what the first gives (src/models/grovemoe.cpp). */
const groveMoe: LayerBuilder = (b, _row, layer, x) => {
  const { count, usedCounts, perGroupCount } = b.hyperparameters.experts;
  const chunks = Math.floor(count / Math.max(1, perGroupCount));
  const used = usedCounts[layer] ?? 1;
  const shared = {
    logits: b.multiply(`blk.${layer}.ffn_gate_inp`, x),
    selectsBy: "sigmoid",
  } as const;
  const routed = mixtureOfExperts(b, layer, x, shared);
  const chunked = mixtureOfExperts(b, layer, routed, {
    ...shared,
    count: chunks,
    used: Math.min(used, chunks),
    chunked: chunks !== count,
    names: { up: "ffn_up_chexps", gate: "ffn_gate_chexps", down: "ffn_down_chexps" },
  });
  return b.graph.add(routed, b.graph.scale(chunked));
};

/** The router sees the layer's input (src/models/smallthinker.cpp). */
const smallThinker: LayerBuilder = (b, row, layer, x) => {
  const [logits] = keepOutputs(b, layer, [b.multiply(`blk.${layer}.ffn_gate_inp`, x)]);
  const feed: LayerBuilder = (_b, _row, _layer, middle) =>
    mixtureOfExperts(b, layer, middle, { gating: "header", activation: "relu", logits });
  return transformerLayer(b, { ...row, feed }, layer, x);
};

const arcticLoads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true, square: true });
  const width = l.embedding;
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    attention(layer, squareRows(l));
    norm(layer, "ffn_norm");
    gatedFeedForward(layer, width);
    router(layer);
    norm(layer, "ffn_norm_exps");
    experts(layer, { size: l.feedForward() });
  }
};

/** Keys that a header may have; Grok's first release is what is meant where they are missing. */
const GROK_KEYS = [
  "logit_scale",
  "embedding_scale",
  "attention.output_scale",
  "attn_logit_softcapping",
  "router_logit_softcapping",
  "final_logit_softcapping",
  "attention.temperature_length",
  "rope.scaling.yarn_ext_factor",
  "rope.scaling.yarn_attn_factor",
  "rope.scaling.yarn_beta_fast",
  "rope.scaling.yarn_beta_slow",
];

const grokLoads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.mayLayerKey("expert_feed_forward_length");
  for (const name of GROK_KEYS) l.mayKey(name);
  demandHeads(l, { rope: true, square: true });
  demandExperts(l);
  const width = l.embedding;
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    attention(layer, squareRows(l));
    norm(layer, "attn_output_norm");
    norm(layer, "ffn_norm");
    gatedFeedForward(layer, l.feedForward(), OPTIONAL);
    l.demand(
      !layer.has("ffn_up.weight") || layer.has("ffn_down.weight"),
      `the feed-forward of layer ${layer.index} isn't whole`,
    );
    router(layer);
    experts(layer, { size: l.expertFeedForward() || l.feedForward(), gate: OPTIONAL });
    if (!layer.may("layer_output_norm.weight", width)) norm(layer, "post_ffw_norm");
  }
};

const groveMoeLoads: Loads = (l) => {
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_chunk_feed_forward_length");
  l.key("expert_group_scale");
  l.key("experts_per_group");
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true });
  demandExperts(l);
  const { perGroupCount, chunkFeedForwardLength } = l.hyperparameters.experts;
  l.demand(perGroupCount > 0, "its groups have no experts");
  const chunks = Math.floor(l.experts / perGroupCount);
  const chunk = chunkFeedForwardLength || l.keyLength();
  const width = l.embedding;
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    attention(layer, { keys: l.values() });
    headNorms(layer);
    norm(layer, "ffn_norm");
    router(layer);
    experts(layer, { size: expertSize(l) });
    layer.need("ffn_gate_chexps.weight", width, chunk, chunks);
    layer.need("ffn_down_chexps.weight", chunk, width, chunks);
    layer.need("ffn_up_chexps.weight", width, chunk, chunks);
  }
};

const smallThinkerLoads: Loads = (l) => {
  mayWindow(l);
  l.mayLayerKey("expert_feed_forward_length");
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("expert_gating_func");
  demandGating(l);
  demandHeads(l, { rope: true });
  demandExperts(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    attention(layer, { keys: l.values() });
    norm(layer, "ffn_norm");
    router(layer);
    experts(layer);
  }
};

/** Architectures whose experts stand elsewhere than in place of the feed-forward. */
export const ARCHITECTURES: Family = family({
  "arctic": attentionCache("models/arctic.cpp", {
    graph: transformer({}, arctic),
    loads: arcticLoads,
  }),
  "grok": attentionCache("models/grok.cpp", {
    scales: {
      embedding_scale: 78.38367176906169,
      logit_scale: 0.5773502691896257,
      final_logit_softcapping: 0,
    },
    graph: transformer({ postNorms: true, feed: grokFeed }, grok),
    loads: grokLoads,
    noFlashAttention: true,
    capsScores: true,
  }),
  "grovemoe": attentionCache("models/grovemoe.cpp", {
    graph: transformer({ queryKeyNorm: "before-rope", feed: groveMoe }),
    loads: groveMoeLoads,
  }),
  "smallthinker": attentionCache("models/smallthinker.cpp", {
    graph: transformer({ rope: "step-from-0" }, smallThinker),
    loads: smallThinkerLoads,
    slidingWindow: { when: "window", pattern: { period: 4, denseFirst: true }, fixedWindow: 4096 },
  }),
});
