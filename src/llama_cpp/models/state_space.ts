import { attentionAndState, type Family, family, recurrentState } from "./architecture.ts";
import { attention } from "../graph/blocks/attention.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { mamba2Layer, mambaLayer, plamo2MambaLayer } from "../graph/blocks/mamba.ts";
import {
  attentionOutput,
  embedding,
  experts,
  feedForwardBiases,
  feedForwardOrExperts,
  gatedFeedForward,
  type Loads,
  mayFrequencies,
  norm,
  outputOrTied,
  ownAttention,
  queryKeyValue,
} from "../loading/blocks.ts";
import { demandRotation } from "../loading/graph_demands.ts";
import { OPTIONAL } from "../loading/loader.ts";
import {
  demandDoubled,
  mamba as mambaState,
  mamba2 as mamba2State,
  plamo2Mamba,
  stateKeys,
} from "../loading/state_blocks.ts";
import {
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
  const [y, residual] = keepOutputs(b, layer, [
    scan(b, layer, b.norm(x, "rms", `blk.${layer}.attn_norm`)),
    x,
  ]);
  return b.graph.add(y, residual);
};

/** Both on every layer (src/models/falcon-h1.cpp). */
const falconH1: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const normed = b.norm(x, "rms", `blk.${layer}.attn_norm`);
  const attended = attention(b, layer, prepare(b, row, layer, normed));
  const scanned = mamba2Layer(b, layer, b.norm(x, "rms", `blk.${layer}.attn_norm`));
  let middle = graph.add(graph.add(attended, scanned), x);
  [middle] = keepOutputs(b, layer, [middle]);
  return graph.add(feed(b, row, layer, b.norm(middle, "rms", `blk.${layer}.ffn_norm`)), middle);
};

/** src/models/plamo2.cpp */
const plamo2: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const norm = (name: string, y: Tensor) => b.norm(y, "rms", `blk.${layer}.${name}`);
  const mixed = onStateLayers(plamo2MambaLayer)(b, row, layer, norm("attn_norm", x));
  const middle = graph.add(norm("post_attention_norm", mixed), x);
  const fed = feedForward(b, layer, norm("ffn_norm", middle), "swiglu");
  const [y, residual] = keepOutputs(b, layer, [norm("post_ffw_norm", fed), middle]);
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
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
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

const graniteHybrid: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  for (const name of ["logit_scale", "residual_scale", "embedding_scale", "attention.scale"]) {
    l.mayKey(name);
  }
  stateKeys(l);
  l.mayKey("expert_shared_feed_forward_length");
  demandDoubled(l);
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
  const { recurrentLayers, experts: { sharedFeedForwardLength } } = l.hyperparameters;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (recurrentLayers[layer.index]) mamba2State(layer);
    else ownAttention(layer);
    norm(layer, "ffn_norm");
    feedForwardOrExperts(layer, sharedFeedForwardLength);
  }
};

const plamo2Loads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  stateKeys(l);
  l.mayKey("attention.key_length");
  l.mayKey("attention.value_length");
  demandRotation(l);
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

const RESIDUAL_FIRST: TransformerRow = { residualFirst: true, lastResidualFirst: true };
/** Architectures with a Mamba state. */
export const ARCHITECTURES: Family = family({
  "falcon-h1": attentionAndState("models/falcon-h1.cpp", {
    unusedWeights: /^rope_freqs|attn_output\.bias$/,
    loads: falconH1Loads,
    graph: transformer({}, falconH1),
    recurrentLayers: "every",
    cachedLayers: "every",
    state: "state-space",
  }),
  "granitehybrid": attentionAndState("models/granite-hybrid.cpp", {
    scales: { embedding_scale: 0, residual_scale: 0, logit_scale: 0 },
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
  "plamo2": attentionAndState("models/plamo2.cpp", {
    unusedWeights: /(attn_qkv|ssm_(in|out))\.scale$/,
    loads: plamo2Loads,
    graph: transformer({ queryKeyNorm: "before-rope" }, plamo2),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
    headLengthsWithoutHeads: true,
  }),
});
