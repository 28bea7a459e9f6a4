import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { attentionAndState, type Family, family } from "./architecture.ts";
import { gatedDelta } from "../graph/blocks/delta_net.ts";
import { latentAttention } from "../graph/blocks/latent_attention.ts";
import {
  bySequence,
  convolve,
  readState,
  stateOf,
  storeRows,
  storeState,
} from "../graph/blocks/recurrent.ts";
import {
  embedding,
  experts,
  gatedFeedForward,
  type Loads,
  norm,
  output,
  outputOrTied,
  predictionPresence,
  predictionProjection,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import {
  deltaKeys,
  deltaWeights,
  kimiExperts,
  latentWeights,
  narrowGate,
  sharedLength,
} from "../loading/delta_blocks.ts";
import { demandGating, demandPairs } from "../loading/graph_demands.ts";
import {
  demandCachedRows,
  latentKeys,
  latentMatrices,
  latentQueries,
  type LatentSizes,
  latentSizes,
} from "../loading/latent_blocks.ts";
import { type LayerLoader, NEEDED, OPTIONAL, type Presence } from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  type LayerBuilder,
  onStateLayers,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Whose: each computes how fast the state fades in its own way. */
type DeltaKind = "kimi-linear" | "kimi-k3" | "bailing";

/** Delta attention: a delta rule with a gate for each element (src/models/kimi-linear.cpp). */
export function deltaAttention(b: Builder, layer: number, x: Tensor, kind: DeltaKind): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { headCounts, deltaHeadLength: length, stateSpace } = b.hyperparameters;
  const heads = headCounts[0] ?? 0;
  const width = heads * length;
  const columns = Math.max(0, stateSpace.convolutionKernel - 1);
  const conv = stateOf(b, layer, 3 * columns * width);
  const previous = readState(b, conv);
  const part = (name: string) => {
    const row = columns * 4;
    const shape = [columns, width, b.plan.sequences];
    const state = graph.view(previous, shape, row, 3 * columns * width * 4);
    const projected = bySequence(b, b.multiplyMatrix(`${prefix}attn_${name}`, x), width);
    const joined = graph.concat(state, graph.transpose(projected), 0);
    const last = graph.view(joined, shape, joined.s1, joined.s2);
    graph.expand(graph.copy(last, graph.view(conv, shape, row, 3 * columns * width * 4)));
    const kernel = graph.reshape(b.need(`${prefix}ssm_conv1d_${name}`), columns + 1, width);
    const y = graph.reshape(convolve(b, joined, kernel), width, b.tokens);
    return bySequence(b, graph.unary("SILU", y), length, heads);
  };
  const [q, k, v] = [part("q"), part("k"), part("v")];
  const gate = bySequence(b, decay(b, layer, x, kind), length, heads);
  const mixed = b.multiplyMatrix(`${prefix}ssm_beta`, x);
  const beta = graph.unary("SIGMOID", bySequence(b, mixed, 1, heads));
  const parts = { q: graph.l2Norm(q), k: graph.l2Norm(k), v, gate, beta };
  const store = kind === "bailing" ? storeRows : storeState;
  const output = graph.contiguous(gatedDelta(b, layer, parts, store));
  const heading = graph.reshape(output, length, heads, b.tokens);
  const normed = b.norm(heading, "rms", `${prefix}ssm_norm`);
  // The other two look at the tokens by sequence and flat again.
  const flat = kind === "bailing" ? x : graph.reshape(bySequence(b, x, x.n0), x.n0, b.tokens);
  const outputGate = graph.reshape(outputGateOf(b, prefix, flat), length, heads, b.tokens);
  const gated = graph.multiply(normed, graph.unary("SIGMOID", outputGate));
  return b.multiplyMatrix(`${prefix}attn_output`, graph.contiguous(gated, width, b.tokens));
}

/** How fast each element of the state fades. */
function decay(b: Builder, layer: number, x: Tensor, kind: DeltaKind): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { headCounts, deltaHeadLength: length } = b.hyperparameters;
  const heads = headCounts[0] ?? 0;
  const split = (y: Tensor) => graph.reshape(y, length, heads, b.tokens);
  const narrow = b.multiplyMatrix(`${prefix}ssm_f_a`, x);
  const projected = kind === "bailing" ? narrow : b.multiplyMatrix(`${prefix}ssm_f_b`, narrow);
  const biased = graph.add(projected, b.need(`${prefix}ssm_dt.bias`));
  const rate = graph.reshape(b.need(`${prefix}ssm_a`), 1, heads, 1);
  // The sign is in the weights of one and not in those of the other.
  if (kind === "bailing") {
    return graph.scale(graph.unary("SIGMOID", graph.multiply(split(biased), rate)));
  }
  if (kind === "kimi-k3" && hasLowerBound(b)) {
    const scaled = graph.scale(graph.multiply(split(biased), rate));
    return graph.scale(graph.unary("SIGMOID", scaled));
  }
  return graph.multiply(split(graph.unary("SOFTPLUS", biased)), rate);
}

/** Whether decay has a bound, without which `kda_gate_lower_bound` is −∞. */
function hasLowerBound(b: Builder): boolean {
  return b.keys.real("kda.gate_lower_bound", -Infinity) > -Infinity;
}

/** By one matrix or by two narrow ones. */
function outputGateOf(b: Builder, prefix: string, x: Tensor): Tensor {
  if (b.has(`${prefix}ssm_g`)) return b.multiplyMatrix(`${prefix}ssm_g`, x);
  const narrow = b.multiplyMatrix(`${prefix}ssm_g_a`, x);
  return b.has(`${prefix}ssm_g_b`) ? b.multiplyMatrix(`${prefix}ssm_g_b`, narrow) : narrow;
}

const kimiLinear = onStateLayers(
  (b, layer, x) => deltaAttention(b, layer, x, "kimi-linear"),
  (b, _row, layer, x) => latentAttention(b, layer, x, { ropes: false }),
);

function bailingAttention(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph, tokens } = b;
  const heads = b.hyperparameters.headCounts[layer] ?? 0;
  const { valueLength } = b.hyperparameters.latentAttention;
  const y = latentAttention(b, layer, x, { ropes: true, output: false });
  const gate = graph.reshape(b.multiplyMatrix(`blk.${layer}.attn_gate`, x), 1, heads, tokens);
  const split = graph.reshape(y, valueLength, heads, tokens);
  const gated = graph.multiply(split, graph.unary("SIGMOID", gate));
  const flat = graph.contiguous(gated, valueLength * heads, tokens);
  return b.multiplyMatrix(`blk.${layer}.attn_output`, flat);
}

const kimiMix: LayerBuilder = (b, row, layer, x) => kimiLinear(b, row, layer, b.graph.expand(x));
const KIMI: TransformerRow = { gating: "header", weightsScale: "header", mix: kimiMix };
const BAILING: TransformerRow = {
  gating: "header",
  weightsNorm: "header",
  lateOutputs: "after-norm",
  mix: onStateLayers(
    (b, layer, x) => deltaAttention(b, layer, x, "bailing"),
    (b, _row, layer, x) => bailingAttention(b, layer, x),
  ),
};

const kimiLinearLoads: Loads = (l) => {
  deltaKeys(l);
  l.mayKey("leading_dense_block_count");
  embedding(l);
  output(l);
  const sizes = { ...latentSizes(l), queryRank: 0 };
  demandCachedRows(l, () => sizes);
  const { recurrentLayers, experts: { leadingDenseLayerCount } } = l.hyperparameters;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (recurrentLayers[layer.index]) {
      deltaWeights(layer);
      narrowGate(layer, "ssm_f");
      narrowGate(layer, "ssm_g");
      layer.need("ssm_a", 1, l.heads());
    } else {
      latentWeights(layer, sizes);
    }
    norm(layer, "ffn_norm");
    if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
      continue;
    }
    kimiExperts(layer);
    // Without a gate they still add up; with one of the two others alone they don't.
    const some = ["gate", "up", "down"].some((name) => layer.has(`ffn_${name}_shexp.weight`));
    const presence = some ? NEEDED : OPTIONAL;
    layer.may("ffn_gate_shexp.weight", l.embedding, sharedLength(l));
    layer.take(presence, "ffn_down_shexp.weight", sharedLength(l), l.embedding);
    layer.take(presence, "ffn_up_shexp.weight", l.embedding, sharedLength(l));
  }
};

/** Latent attention with a gate for each head. */
function bailingLatent(layer: LayerLoader, sizes: LatentSizes, presence: Presence): void {
  latentQueries(layer, sizes, presence);
  latentKeys(layer, sizes, presence);
  latentMatrices(layer, sizes, presence);
  layer.take(presence, "attn_gate.weight", layer.model.embedding, sizes.heads);
}

function bailingExperts(layer: LayerLoader, shared: number, presence: Presence): void {
  router(layer, presence);
  layer.take(presence, "exp_probs_b.bias", layer.model.experts);
  experts(layer, { presence });
  sharedExperts(layer, shared, presence);
}

const bailingMoe3: Loads = (l) => {
  deltaKeys(l);
  l.mayKey("attention.q_lora_rank");
  l.mayKey("kda.safe_gate");
  l.key("kda.gate_lower_bound");
  l.mayKey("expert_shared_feed_forward_length");
  l.key("leading_dense_block_count");
  l.mayKey("expert_weights_norm");
  l.mayLayerKey("swiglu_clamp_exp");
  l.mayLayerKey("swiglu_clamp_shexp");
  demandPairs(l);
  l.demand(l.value("kda.safe_gate") !== false, "the gates of its delta attention aren't bounded");
  l.demand(l.number("kda.gate_lower_bound") < 0, "the gates of its delta attention have no bound");
  embedding(l);
  outputOrTied(l);
  const sizes = latentSizes(l);
  demandCachedRows(l, () => sizes);
  const width = l.embedding;
  const shared = l.number("expert_shared_feed_forward_length") || sharedLength(l);
  const { recurrentLayers, experts: { leadingDenseLayerCount }, deltaHeadLength } =
    l.hyperparameters;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (recurrentLayers[layer.index]) {
      deltaWeights(layer);
      layer.need("ssm_f_a.weight", width, deltaHeadLength * l.heads());
      layer.need("ssm_a", 1, l.heads());
      layer.need("ssm_g_a.weight", width, deltaHeadLength * l.heads());
    } else {
      bailingLatent(layer, sizes, NEEDED);
    }
    norm(layer, "ffn_norm");
    if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
    } else {
      demandGating(l);
      bailingExperts(layer, shared, NEEDED);
    }
  }
  const presence = predictionPresence(l);
  for (let index = l.layerCount; index < l.allLayerCount; index++) {
    const layer = l.layer(index);
    layer.take(presence, "attn_norm.weight", width);
    bailingLatent(layer, sizes, presence);
    layer.take(presence, "ffn_norm.weight", width);
    bailingExperts(layer, shared, presence);
    predictionProjection(layer, presence);
    layer.take(presence, "layer_output_norm.weight", width);
  }
};

/** Architectures with delta attention on some layers and latent attention on the others. */
export const ARCHITECTURES: Family = family({
  "bailingmoe3": attentionAndState("models/bailingmoe3.cpp", {
    graphNodes: MANY_GRAPH_NODES,
    graph: transformer(BAILING),
    loads: bailingMoe3,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "kimi-linear": attentionAndState("models/kimi-linear.cpp", {
    graphNodes: MANY_GRAPH_NODES,
    graph: transformer(KIMI),
    loads: kimiLinearLoads,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
  }),
});
