import { attentionAndState, type Family, family, recurrentState } from "./architecture.ts";
import { attention } from "../graph/blocks/attention.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { mamba2Layer, mambaLayer, plamo2MambaLayer } from "../graph/blocks/mamba.ts";
import { shortConvolution } from "../graph/blocks/short_convolution.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  attentionOutput,
  demandExperts,
  embedding,
  experts,
  feedForwardBiases,
  gatedFeedForward,
  type Loads,
  norm,
  outputOrTied,
  queryKeyValue,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  OPTIONAL_UNLOADED,
  type Presence,
} from "../loading/loader.ts";
import { demandGating } from "../loading/latent_blocks.ts";
import {
  demandDoubled,
  mamba as mambaState,
  mamba2 as mamba2State,
  plamo2Mamba,
  stateKeys,
} from "../loading/state_blocks.ts";
import {
  attend,
  feed,
  keepOutputs,
  type LayerBuilder,
  onStateLayers,
  prepare,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Layers of `scan` alone. */
const scanned = (scan: typeof mambaLayer): LayerBuilder => (b, _row, layer, x) => {
  const [y, residual] = keepOutputs(b, layer, [scan(b, layer, b.norm(x, "rms")), x]);
  return b.graph.add(y, residual);
};

/** Both on every layer (src/models/falcon-h1.cpp). */
const falconH1: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const attended = attention(b, layer, prepare(b, row, layer, b.norm(x, "rms")));
  const scanned = mamba2Layer(b, layer, b.norm(x, "rms"));
  let middle = graph.add(graph.add(attended, scanned), x);
  [middle] = keepOutputs(b, layer, [middle]);
  return graph.add(feed(b, row, layer, b.norm(middle, "rms")), middle);
};

/** One thing on each layer: Mamba-2, attention or a feed-forward (src/models/nemotron-h.cpp). */
const nemotronH: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { recurrentLayers, feedForwardLengths } = b.hyperparameters;
  const normed = b.norm(x, "rms");
  let y;
  if (recurrentLayers[layer]) y = mamba2Layer(b, layer, normed);
  else if ((feedForwardLengths[layer] ?? 0) === 0) y = attend(b, row, layer, normed);
  else if (!b.has(`blk.${layer}.ffn_gate_inp`)) y = feedForward(b, layer, normed, "plain");
  else y = nemotronExperts(b, layer, normed);
  return graph.add(y, x);
};

function nemotronExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const prefix = `blk.${layer}.`;
  const narrow = b.multiplyIfThere(`${prefix}ffn_latent_down`, x);
  const routed = mixtureOfExperts(b, layer, narrow, {
    gating: "sigmoid",
    weightsNorm: "header",
    activation: "plain",
    logits: b.multiply(`${prefix}ffn_gate_inp`, x),
  });
  const wide = b.multiplyIfThere(`${prefix}ffn_latent_up`, routed);
  return b.graph.add(wide, sharedFeedForward(b, layer, x, "plain"));
}

/** src/models/plamo2.cpp */
const plamo2: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const normed = b.norm(x, "rms");
  const mixed = onStateLayers(plamo2MambaLayer)(b, row, layer, normed);
  const middle = graph.add(b.norm(mixed, "rms"), x);
  const fed = feedForward(b, layer, b.norm(middle, "rms"), "halves");
  const [y, residual] = keepOutputs(b, layer, [b.norm(fed, "rms"), middle]);
  return graph.add(y, residual);
};

const mamba: Loads = (l) => {
  stateKeys(l, "without-groups");
  l.mayKey("ssm.dt_b_c_rms");
  l.key("attention.layer_norm_rms_epsilon");
  demandDoubled(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    mambaState(layer);
  }
};

const mamba2: Loads = (l) => {
  stateKeys(l);
  l.key("attention.layer_norm_rms_epsilon");
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    mamba2State(layer);
  }
};

const jamba: Loads = (l) => {
  stateKeys(l, "without-groups");
  l.key("attention.layer_norm_rms_epsilon");
  demandDoubled(l);
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    const values = l.values(layer.index);
    if (l.keyValueHeads(layer.index) === 0) {
      mambaState(layer, "norms");
    } else {
      queryKeyValue(layer, { queries: width, keys: values, values });
      layer.need("attn_output.weight", width, width);
    }
    norm(layer, "ffn_norm");
    if (layer.may("ffn_gate_inp.weight", width, l.experts)) {
      experts(layer, { size: l.feedForward() });
    } else {
      gatedFeedForward(layer);
    }
  }
};

const falconH1Loads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  stateKeys(l);
  embedding(l);
  outputOrTied(l);
  l.may("rope_freqs.weight", Math.floor(l.rope() / 2));
  for (const layer of l.layers()) {
    mamba2State(layer, OPTIONAL);
    queryKeyValue(layer);
    attentionOutput(layer);
    norm(layer, "attn_norm");
    layer.need("ffn_norm", l.embedding);
    gatedFeedForward(layer);
    feedForwardBiases(layer);
  }
};

/** Attention of a layer that has as many heads as the header says of it. */
function ownAttention(layer: LayerLoader, presence: Presence = NEEDED): void {
  const { model, index } = layer;
  const queries = model.keyLength() * model.heads(index);
  const [keys, values] = [model.keys(index), model.values(index)];
  queryKeyValue(layer, { queries, keys, values, presence });
  layer.take(presence, "attn_output.weight", queries, model.embedding);
  const bias = presence.isSkipped ? OPTIONAL_UNLOADED : OPTIONAL;
  layer.take(bias, "attn_output.bias", model.embedding);
}

const graniteHybrid: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  for (const name of ["logit_scale", "residual_scale", "embedding_scale", "attention.scale"]) {
    l.mayKey(name);
  }
  stateKeys(l);
  l.mayKey("expert_shared_feed_forward_length");
  demandDoubled(l);
  embedding(l);
  outputOrTied(l);
  l.may("rope_freqs.weight", Math.floor(l.rope() / 2));
  const { recurrentLayers, experts: { sharedFeedForwardLength } } = l.hyperparameters;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (recurrentLayers[layer.index]) mamba2State(layer);
    else ownAttention(layer);
    norm(layer, "ffn_norm");
    if (l.experts === 0) {
      gatedFeedForward(layer);
      feedForwardBiases(layer);
      continue;
    }
    router(layer);
    experts(layer, { size: l.feedForward(), gate: OPTIONAL });
    if (sharedFeedForwardLength > 0) sharedExperts(layer, sharedFeedForwardLength);
  }
};

/** Layers of attention and short convolutions, from layer `dense` on with experts. */
function shortConvolutions(l: Loader, dense: number): void {
  const { embedding: width } = l;
  const { recurrentLayers, shortConvolutionCache, outputEmbeddingLength } = l.hyperparameters;
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
    norm(layer, "attn_q_norm", l.keyLength());
    norm(layer, "attn_k_norm", l.keyLength());
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

/** Experts behind a narrower stream, where the header has a width of it. */
function nemotronMixture(layer: LayerLoader, all: number, presence: Presence): void {
  const { model, index } = layer;
  const { embedding: width, experts: count } = model;
  const used = model.expertsUsed(index);
  const own = model.expertFeedForward(index);
  model.demand(own > 0 || used > 0, `layer ${index} uses none of its experts`);
  const size = own || Math.floor(all / used);
  const narrow = model.number("moe_latent_size") || width;
  const shared = model.number("expert_shared_feed_forward_length");
  router(layer, presence);
  layer.take(presence, "exp_probs_b.bias", count);
  if (!presence.isSkipped) {
    const latent = narrow === width ? OPTIONAL : NEEDED;
    layer.take(latent, "ffn_latent_down.weight", width, narrow);
    layer.take(latent, "ffn_latent_up.weight", narrow, width);
  }
  layer.take(presence, "ffn_down_exps.weight", size, narrow, count);
  layer.take(presence, "ffn_up_exps.weight", narrow, size, count);
  layer.take(presence, "ffn_down_shexp.weight", shared, width);
  layer.take(presence, "ffn_up_shexp.weight", width, shared);
}

const nemotron: Loads = (l) => {
  stateKeys(l);
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.layer_norm_epsilon");
  l.mayLayerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.mayKey("expert_shared_count");
  l.mayKey("expert_weights_norm");
  l.mayKey("expert_weights_scale");
  l.mayKey("moe_latent_size");
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  for (const layer of l.layers()) {
    const size = l.feedForward(layer.index);
    norm(layer, "attn_norm");
    if (l.hyperparameters.recurrentLayers[layer.index]) {
      mamba2State(layer);
    } else if (size === 0) {
      ownAttention(layer);
    } else if (l.experts > 0) {
      nemotronMixture(layer, size, NEEDED);
    } else {
      layer.need("ffn_down.weight", size, width);
      layer.need("ffn_up.weight", width, size);
      layer.may("ffn_down.bias", width);
      layer.may("ffn_up.bias", size);
    }
  }
  for (let index = l.layerCount; index < l.allLayerCount; index++) {
    const layer = l.layer(index);
    const take = (name: string, ...shape: number[]) => layer.take(NEEDED_UNLOADED, name, ...shape);
    take("nextn.enorm.weight", width);
    take("nextn.hnorm.weight", width);
    take("nextn.eh_proj.weight", 2 * width, width);
    take("nextn.shared_head_norm.weight", width);
    take("attn_norm.weight", width);
    ownAttention(layer, NEEDED_UNLOADED);
    take("post_attention_norm.weight", width);
    nemotronMixture(layer, l.feedForward(), NEEDED_UNLOADED);
  }
};

const plamo2Loads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  stateKeys(l);
  l.mayKey("attention.key_length");
  l.mayKey("attention.value_length");
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  const [keyLength, valueLength] = [l.keyLength(), l.valueLength()];
  for (const layer of l.layers()) {
    const [heads, shared] = [l.heads(layer.index), l.keyValueHeads(layer.index)];
    norm(layer, "attn_norm");
    if (l.hyperparameters.recurrentLayers[layer.index]) {
      plamo2Mamba(layer);
    } else {
      const rows = keyLength * (heads + shared) + valueLength * shared;
      layer.need("attn_qkv.weight", width, rows);
      layer.need("attn_q_norm.weight", keyLength, heads);
      layer.need("attn_k_norm.weight", keyLength, shared);
      layer.need("attn_output.weight", heads * valueLength, width);
    }
    layer.need("post_attention_norm", width);
    norm(layer, "ffn_norm");
    layer.need("ffn_down.weight", l.feedForward(), width);
    layer.need("ffn_up.weight", width, 2 * l.feedForward());
    layer.need("post_ffw_norm", width);
  }
};

const NEMOTRON = {
  graph: transformer({ rope: "none", lateOutputs: "after-norm" }, nemotronH),
  recurrentLayers: "no-kv-heads-no-feed-forward",
  cachedLayers: "no-feed-forward",
  state: "state-space",
  predictionLayersSkipped: true,
  scalesExperts: true,
  loads: nemotron,
} as const;
const RESIDUAL_FIRST: TransformerRow = { residualFirst: true, lastResidualFirst: true };
const LFM2: TransformerRow = {
  ...RESIDUAL_FIRST,
  queryKeyNorm: "before-rope",
  gating: "header",
  mix: onStateLayers(shortConvolution),
};

/** Architectures with a Mamba state or a short convolution. */
export const ARCHITECTURES: Family = family({
  "falcon-h1": attentionAndState("models/falcon-h1.cpp", {
    loads: falconH1Loads,
    graph: transformer({}, falconH1),
    recurrentLayers: "every",
    cachedLayers: "every",
    state: "state-space",
  }),
  "granitehybrid": attentionAndState("models/granite-hybrid.cpp", {
    loads: graniteHybrid,
    graph: transformer({ rope: "finetuned", mix: onStateLayers(mamba2Layer) }),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
  }),
  "jamba": attentionAndState("models/jamba.cpp", {
    loads: jamba,
    graph: transformer({
      ...RESIDUAL_FIRST,
      rope: "none",
      weightsNorm: false,
      mix: onStateLayers(mambaLayer),
    }),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
    noStateGroups: true,
  }),
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
  "mamba": recurrentState("models/mamba.cpp", {
    loads: mamba,
    graph: transformer({}, scanned(mambaLayer)),
    recurrentLayers: "every",
    state: "state-space",
    noStateGroups: true,
  }),
  "mamba2": recurrentState("models/mamba2.cpp", {
    loads: mamba2,
    graph: transformer({}, scanned(mamba2Layer)),
    recurrentLayers: "every",
    state: "state-space",
  }),
  "nemotron_h": attentionAndState("models/nemotron-h.cpp", NEMOTRON),
  "nemotron_h_moe": attentionAndState("models/nemotron-h-moe.cpp", NEMOTRON),
  "plamo2": attentionAndState("models/plamo2.cpp", {
    loads: plamo2Loads,
    graph: transformer({ queryKeyNorm: "before-rope" }, plamo2),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
    headLengthsWithoutHeads: true,
  }),
});
