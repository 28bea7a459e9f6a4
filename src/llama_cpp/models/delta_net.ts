import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import {
  demandExperts,
  embedding,
  expertSize,
  gatedFeedForward,
  gateUpExperts,
  headNorms,
  type Loads,
  outputOrTied,
  predictionHead,
  queryKeyValue,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandHeads, demandRotation, demandSections } from "../loading/graph_demands.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  OPTIONAL_UNLOADED,
  type Presence,
} from "../loading/loader.ts";
import { ALL_BUT_FUSED_EXPERTS, attentionAndState, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { deltaNetLayer, type DeltaNetOptions } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder, GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { onStateLayers, transformer } from "../graph/transformer.ts";

interface GatedQueryOptions {
  /** Heads are apart before their halves are looked at. */
  readonly splitsHeads?: boolean;
  /** Narrows the cache's mask. */
  readonly remask?: ((mask: Tensor) => Tensor) | undefined;
}

/** Attention whose queries bring a gate along (src/models/qwen3next.cpp, `build_layer_attn`). */
export function gatedQueryAttention(
  b: Builder,
  layer: number,
  x: Tensor,
  { splitsHeads = false, remask }: GatedQueryOptions = {},
): Tensor {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength: length, queries, keyValues } = headsOf(b, layer);
  const projected = b.multiplyScaled(`${prefix}q`, x);
  const both = splitsHeads ? graph.reshape(projected, length * 2, queries, tokens) : projected;
  const row = length * 2 * 4;
  const half = () => graph.view(both, [length, queries, tokens], row, row * queries);
  const q = b.rope(b.norm(half(), "rms", `${prefix}q_norm`));
  const project = (name: string) =>
    graph.reshape(b.multiplyScaled(prefix + name, x), length, keyValues, tokens);
  const k = b.rope(b.norm(project("k"), "rms", `${prefix}k_norm`));
  const v = project("v");
  const y = attention(b, layer, { q, k, v }, { output: false, remask });
  const gate = graph.contiguous(half(), length * queries, tokens);
  return b.multiplyScaled(`${prefix}output`, graph.multiply(y, graph.unary("SIGMOID", gate)));
}

/** A mixture with a gated shared expert, or a dense feed-forward (`build_layer_ffn`). */
export function gatedSharedExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  if (!b.has(`${prefix}ffn_gate_inp`)) return feedForward(b, layer, x, "silu");
  const routed = mixtureOfExperts(b, layer, x);
  if (!b.has(`${prefix}ffn_up_shexp`)) return routed;
  const shared = sharedFeedForward(b, layer, x);
  const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
  return graph.add(routed, graph.multiply(shared, graph.unary("SIGMOID", gate)));
}

/** src/models/qwen3next.cpp, qwen35.cpp and qwen35moe.cpp */
function deltaNet(options: DeltaNetOptions = {}): GraphBuilder {
  const mix = onStateLayers(
    (b, layer, x) => deltaNetLayer(b, layer, x, options),
    (b, _row, layer, x) =>
      gatedQueryAttention(b, layer, x, { splitsHeads: options.repeatsKeys === true }),
  );
  return transformer({
    norms: { feed: "post_attention_norm" },
    lateOutputs: "after-norm",
    mix: (b, row, layer, x) => mix(b, row, layer, b.graph.expand(x)),
    feed: (b, _row, layer, x) => gatedSharedExperts(b, layer, x),
  });
}

/** Keys of a gated delta rule, and which layers have one. */
function deltaNetKeys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  for (const name of ["conv_kernel", "inner_size", "state_size", "time_step_rank", "group_count"]) {
    l.key(`ssm.${name}`);
  }
  if (!l.mayLayerKey("attention.recurrent_layers")) l.mayKey("full_attention_interval");
  demandHeads(l);
  demandRotation(l);
  const { innerSize, stateSize, timeStepRank: heads, groupCount } = l.hyperparameters.stateSpace;
  l.demand(
    groupCount > 0 && heads > 0 && heads % groupCount === 0,
    `its delta rule shares ${groupCount} heads of keys between ${heads} of values`,
  );
  l.demand(
    innerSize === heads * stateSize,
    `its delta rule has ${heads} heads of ${stateSize} elements and ${innerSize} elements`,
  );
}

/** Keys of its experts. */
function mixtureKeys(l: Loader): void {
  l.mayLayerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  demandExperts(l);
}

interface GatedQueryOptions {
  /** Heads are apart before their halves are looked at. */
  readonly splitsHeads?: boolean;
  /** Narrows the cache's mask. */
  readonly remask?: ((mask: Tensor) => Tensor) | undefined;
}

/** Attention whose queries bring a gate along. */
function gatedQueries(layer: LayerLoader, presence: Presence): void {
  const { model: l } = layer;
  queryKeyValue(layer, { queries: 2 * l.queries(), presence, apart: true });
  layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
  headNorms(layer, presence);
}

/** The gated delta rule, but for its input, its decay and its strength. */
function deltaRule(layer: LayerLoader, presence: Presence = NEEDED) {
  const { embedding: width, hyperparameters } = layer.model;
  const { stateSize, timeStepRank: heads, groupCount, convolutionKernel } =
    hyperparameters.stateSpace;
  const values = stateSize * heads;
  const mixed = 2 * stateSize * groupCount + values;
  layer.take(presence, "ssm_conv1d.weight", convolutionKernel, mixed);
  layer.take(presence, "ssm_dt.bias", heads);
  layer.take(presence, "ssm_a", heads);
  layer.take(presence, "ssm_norm.weight", stateSize);
  layer.take(presence, "ssm_out.weight", values, width);
  return { width, heads, values, mixed };
}

/** Experts behind a gate beside the others. */
function gatedMixture(layer: LayerLoader, presence: Presence): void {
  const { model: l } = layer;
  const { sharedFeedForwardLength } = l.hyperparameters.experts;
  router(layer, presence);
  const size = expertSize(l);
  layer.take(presence, "ffn_down_exps.weight", size, l.embedding, l.experts);
  gateUpExperts(layer, size, presence);
  layer.take(presence, "ffn_gate_inp_shexp.weight", l.embedding);
  sharedExperts(layer, sharedFeedForwardLength || l.feedForward(), presence);
}

/** Norms of both halves of a layer. */
function halves(layer: LayerLoader, presence: Presence): void {
  layer.take(presence, "attn_norm.weight", layer.model.embedding);
  layer.take(presence, "post_attention_norm.weight", layer.model.embedding);
}

/** Layers of Qwen 3.5, whose feed-forward is `feed`. */
function qwen35Layers(l: Loader, feed: (layer: LayerLoader, presence: Presence) => void): void {
  l.layerKey("rope.dimension_sections", 4);
  demandSections(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    halves(layer, presence);
    feed(layer, presence);
    if (predicts) predictionHead(layer);
    if (predicts || !l.hyperparameters.recurrentLayers[layer.index]) {
      gatedQueries(layer, presence);
      continue;
    }
    const { width, heads, values, mixed } = deltaRule(layer);
    layer.need("attn_qkv.weight", width, mixed);
    layer.need("attn_gate.weight", width, values);
    layer.need("ssm_beta.weight", width, heads);
    layer.need("ssm_alpha.weight", width, heads);
  }
}

const qwen35: Loads = (l) => {
  deltaNetKeys(l);
  qwen35Layers(l, (layer, presence) => gatedFeedForward(layer, l.feedForward(), presence));
};

const qwen35Moe: Loads = (l) => {
  mixtureKeys(l);
  deltaNetKeys(l);
  qwen35Layers(l, gatedMixture);
};

const qwen3Next: Loads = (l) => {
  mixtureKeys(l);
  deltaNetKeys(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    const optional = predicts ? OPTIONAL_UNLOADED : OPTIONAL;
    halves(layer, presence);
    gatedMixture(layer, presence);
    if (predicts) predictionHead(layer);
    if (!l.hyperparameters.recurrentLayers[layer.index]) {
      gatedQueries(layer, presence);
      continue;
    }
    const { width, heads, values, mixed } = deltaRule(layer, presence);
    layer.take(optional, "ssm_in.weight", width, mixed + values);
    // Older files have all in one matrix, which is used where the others are missing.
    const isOld = layer.has("ssm_in.weight") && !layer.has("attn_qkv.weight");
    const apart = predicts || isOld ? optional : NEEDED;
    layer.take(apart, "attn_qkv.weight", width, mixed);
    layer.take(apart, "attn_gate.weight", width, values);
    layer.take(presence, "ssm_ba.weight", width, 2 * heads);
  }
};

const STATE = {
  recurrentLayers: { interval: 4 },
  cachedLayers: "text",
  state: "state-space",
  predictionLayersSkipped: true,
} as const;

/** Architectures with a gated delta rule on some layers and attention on the others. */
export const ARCHITECTURES: Family = family({
  "qwen35": attentionAndState("models/qwen35.cpp", {
    scalesFeedForward: true,
    graphNodes: MANY_GRAPH_NODES,
    ...STATE,
    graph: deltaNet(),
    positionsPerToken: 4,
    loads: qwen35,
  }),
  "qwen35moe": attentionAndState("models/qwen35moe.cpp", {
    scalesSharedExpert: true,
    graphNodes: MANY_GRAPH_NODES,
    ...STATE,
    predictionLayersSkipped: ALL_BUT_FUSED_EXPERTS,
    graph: deltaNet(),
    positionsPerToken: 4,
    loads: qwen35Moe,
    scalesExperts: true,
  }),
  "qwen3next": attentionAndState("models/qwen3next.cpp", {
    unusedWeights: /\.(ssm_\w+|attn_qkv|attn_gate)\.scale$/,
    scalesSharedExpert: true,
    graphNodes: MANY_GRAPH_NODES,
    ...STATE,
    predictionLayersSkipped: ALL_BUT_FUSED_EXPERTS,
    graph: deltaNet({ repeatsKeys: true }),
    loads: qwen3Next,
    scalesExperts: true,
  }),
});
