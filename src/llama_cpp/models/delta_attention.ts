import { attentionAndState, type Family, family } from "./architecture.ts";
import { gatedDelta } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { latentAttention } from "../graph/blocks/latent_attention.ts";
import { bySequence, convolve, readState, stateOf } from "../graph/blocks/recurrent.ts";
import {
  embedding,
  experts,
  gatedFeedForward,
  type Loads,
  norm,
  output,
  outputOrTied,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import {
  demandCachedRows,
  demandGating,
  latentKeys,
  latentMatrices,
  latentQueries,
  type LatentSizes,
  latentSizes,
  predictionPresence,
  wholeMatrix,
} from "../loading/latent_blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  OPTIONAL,
  type Presence,
} from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  begin,
  end,
  type LayerBuilder,
  onStateLayers,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Delta attention: a delta rule with a gate for each element (src/models/kimi-linear.cpp). */
function deltaAttention(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { headCounts, deltaHeadLength: length, stateSpace } = b.hyperparameters;
  const heads = headCounts[0] ?? 0;
  const width = heads * length;
  const columns = Math.max(0, stateSpace.convolutionKernel - 1);
  const conv = stateOf(b, 3 * columns * width);
  const previous = readState(b, conv);
  const part = (name: string) => {
    const row = columns * 4;
    const shape = [columns, width, b.plan.sequences];
    const state = graph.view(previous, shape, row, 3 * columns * width * 4);
    const projected = bySequence(b, b.multiply(`${prefix}attn_${name}`, x), width);
    const joined = graph.concat(state, graph.transpose(projected), 0);
    const last = graph.view(joined, shape, joined.s1, joined.s2);
    graph.expand(graph.copy(last, graph.view(conv, shape, row, 3 * columns * width * 4)));
    const kernel = graph.reshape(b.need(`${prefix}ssm_conv1d_${name}`), columns + 1, width);
    const y = graph.reshape(convolve(b, joined, kernel), width, b.tokens);
    return bySequence(b, graph.map(y), length, heads);
  };
  const [q, k, v] = [part("q"), part("k"), part("v")];
  let gate = b.multiplyIfThere(`${prefix}ssm_f_b`, b.multiply(`${prefix}ssm_f_a`, x));
  gate = graph.map(graph.reshape(gate, length, heads, b.tokens));
  gate = bySequence(b, gate, length, heads);
  const beta = graph.map(bySequence(b, b.multiply(`${prefix}ssm_beta`, x), 1, heads));
  const parts = { q: graph.norm(q), k: graph.norm(k), v, gate, beta };
  const output = graph.contiguous(gatedDelta(b, parts));
  const normed = graph.rmsNorm(graph.reshape(output, length, heads, b.tokens));
  const outputGate = graph.reshape(outputGateOf(b, prefix, x), length, heads, b.tokens);
  const gated = graph.multiply(normed, graph.map(outputGate));
  return b.multiply(`${prefix}attn_output`, graph.contiguous(gated, width, b.tokens));
}

/** By one matrix or by two narrow ones. */
function outputGateOf(b: Builder, prefix: string, x: Tensor): Tensor {
  if (b.has(`${prefix}ssm_g`)) return b.multiply(`${prefix}ssm_g`, x);
  return b.multiplyIfThere(`${prefix}ssm_g_b`, b.multiply(`${prefix}ssm_g_a`, x));
}

const kimiLinear = onStateLayers(
  deltaAttention,
  (b, _row, layer, x) => latentAttention(b, layer, x, { ropes: false }),
);

function bailingAttention(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph, tokens } = b;
  const heads = b.hyperparameters.headCounts[layer] ?? 0;
  const { valueLength } = b.hyperparameters.latentAttention;
  const y = latentAttention(b, layer, x, { ropes: true, output: false });
  const gate = b.heads(`blk.${layer}.attn_gate`, x, 1, heads);
  const gated = graph.multiply(graph.reshape(y, valueLength, heads, tokens), graph.map(gate));
  const flat = graph.contiguous(gated, valueLength * heads, tokens);
  return b.multiply(`blk.${layer}.attn_output`, flat);
}

/** src/models/kimi-k3.cpp */
class KimiK3 {
  /** What earlier layers saw, every few layers one (`resi_stack`). */
  #kept: Tensor | undefined;

  constructor(readonly b: Builder) {}

  #keep(x: Tensor): void {
    const { graph } = this.b;
    const one = graph.reshape(x, x.n0, 1, x.n1);
    this.#kept = this.#kept === undefined ? one : graph.concat(this.#kept, one, 1);
  }

  /** A weighted sum of what was kept and what is here. */
  #mix(x: Tensor): Tensor {
    const { graph } = this.b;
    const kept = this.#kept;
    if (kept === undefined) return x;
    const before = graph.reshape(graph.sumRows(graph.rmsNorm(kept)), kept.n1, x.n1);
    const here = graph.sumRows(graph.rmsNorm(x));
    const weights = graph.softMax(graph.concat(before, here, 0));
    const keptWeights = graph.contiguous(graph.view(weights, [kept.n1, x.n1], weights.s1));
    const ownWeight = graph.contiguous(graph.view(weights, [1, x.n1], weights.s1));
    const sum = graph.fresh([kept, keptWeights], [x.n0, x.n1]);
    return graph.add(sum, graph.inPlace(x, ownWeight));
  }

  #attend(layer: number, x: Tensor): Tensor {
    const { b } = this;
    if (b.hyperparameters.recurrentLayers[layer]) return deltaAttention(b, layer, x);
    let y = latentAttention(b, layer, x, { ropes: false, output: false });
    const gate = `blk.${layer}.attn_gate`;
    if (b.has(gate)) y = b.graph.multiply(y, b.multiply(gate, x));
    return b.multiply(`blk.${layer}.attn_output`, y);
  }

  #feed(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const prefix = `blk.${layer}.`;
    if (layer < b.hyperparameters.experts.leadingDenseLayerCount) {
      return feedForward(b, layer, x, "situ");
    }
    const narrow = b.multiplyIfThere(`${prefix}ffn_routed_down`, x);
    let routed = mixtureOfExperts(b, layer, narrow, {
      gating: "header",
      weightsNorm: "header",
      activation: "situ",
      logits: b.multiply(`${prefix}ffn_gate_inp`, x),
    });
    if (b.has(`${prefix}ffn_routed_norm`)) routed = b.graph.rmsNorm(routed);
    routed = b.multiplyIfThere(`${prefix}ffn_routed_up`, routed);
    if (!b.has(`${prefix}ffn_gate_shexp`)) return routed;
    return b.graph.add(routed, sharedFeedForward(b, layer, x, "situ"));
  }

  build(): void {
    const { b } = this;
    const every = b.keys.real("attn_res.block_size");
    const mixes = every > 0;
    let sum = begin(b, {});
    for (let layer = 0; layer < b.hyperparameters.layerCount; layer++) {
      const input = mixes ? this.#mix(sum) : sum;
      const keeps = mixes && layer % every === 0;
      if (keeps) this.#keep(sum);
      const mixed = this.#attend(layer, b.graph.expand(b.norm(input, "rms")));
      sum = keeps ? mixed : b.graph.add(sum, mixed);
      const middle = mixes ? this.#mix(sum) : sum;
      sum = b.graph.add(sum, this.#feed(layer, b.norm(middle, "rms")));
    }
    if (mixes) sum = this.#mix(sum);
    end(b, {}, b.onlyOutputs(sum));
  }
}

const kimiMix: LayerBuilder = (b, row, layer, x) => kimiLinear(b, row, layer, b.graph.expand(x));
const KIMI: TransformerRow = { gating: "header", mix: kimiMix };
const BAILING: TransformerRow = {
  gating: "header",
  weightsNorm: "header",
  lateOutputs: "after-norm",
  mix: onStateLayers(deltaAttention, (b, _row, layer, x) => bailingAttention(b, layer, x)),
};

/** Keys of delta attention and latent attention with experts. */
function deltaKeys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.key_length_mla");
  l.key("attention.value_length_mla");
  l.key("attention.kv_lora_rank");
  l.key("ssm.conv_kernel");
  l.key("kda.head_dim");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.key("expert_gating_func");
  l.mayKey("expert_weights_scale");
}

/** What all have of delta attention. Its queries, keys and values are never fused. */
function deltaWeights(layer: LayerLoader): void {
  const { model } = layer;
  const { embedding: width, hyperparameters: { deltaHeadLength, stateSpace } } = model;
  const inner = deltaHeadLength * model.heads();
  for (const name of ["q", "k", "v"]) {
    layer.need(`ssm_conv1d_${name}.weight`, stateSpace.convolutionKernel, 1, inner);
    layer.need(`attn_${name}.weight`, width, inner);
    layer.may(`attn_${name}.bias`, inner);
  }
  layer.need("ssm_beta.weight", width, model.heads());
  layer.need("ssm_dt.bias", inner);
  layer.need("ssm_norm.weight", deltaHeadLength);
  layer.need("attn_output.weight", inner, width);
}

/** Its gate by two narrow matrices. */
function narrowGate(layer: LayerLoader, name: string): void {
  const { model } = layer;
  const length = model.hyperparameters.deltaHeadLength;
  layer.need(`${name}_a.weight`, model.embedding, length);
  layer.need(`${name}_b.weight`, length, length * model.heads());
}

/** Keys and values in two matrices where they are cached compressed, else in one. */
function latentWeights(layer: LayerLoader, sizes: LatentSizes): void {
  latentQueries(layer, sizes);
  latentKeys(layer, sizes);
  if (layer.model.hyperparameters.usesLatentAttention) latentMatrices(layer, sizes);
  else wholeMatrix(layer, sizes);
}

function kimiExperts(layer: LayerLoader, width = layer.model.embedding): void {
  const { model } = layer;
  const size = model.expertFeedForward();
  demandGating(model);
  router(layer);
  layer.need("exp_probs_b.bias", model.experts);
  layer.need("ffn_gate_exps.weight", width, size, model.experts);
  layer.need("ffn_down_exps.weight", size, width, model.experts);
  layer.need("ffn_up_exps.weight", width, size, model.experts);
}

/** Rows of the shared experts, one of which there always is. */
function sharedLength(l: Loader): number {
  return l.expertFeedForward() * Math.max(1, l.hyperparameters.experts.sharedCount);
}

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

const kimiK3Loads: Loads = (l) => {
  deltaKeys(l);
  l.mayKey("attention.q_lora_rank");
  l.mayKey("kda.gate_lower_bound");
  l.mayKey("leading_dense_block_count");
  l.mayKey("expert_weights_norm");
  l.mayKey("expert_latent_length");
  l.key("attn_res.block_size");
  l.key("activation.situ_beta");
  l.key("activation.situ_linear_beta");
  const width = l.embedding;
  const mixes = l.number("attn_res.block_size") > 0;
  embedding(l);
  output(l);
  if (mixes) l.need("output_res_score.weight", width);
  const sizes = latentSizes(l);
  demandCachedRows(l, () => sizes);
  const { recurrentLayers, experts: { leadingDenseLayerCount }, deltaHeadLength } =
    l.hyperparameters;
  const latent = l.number("expert_latent_length");
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    norm(layer, "ffn_norm");
    if (mixes) {
      norm(layer, "attn_res_score");
      norm(layer, "ffn_res_score");
    }
    if (recurrentLayers[layer.index]) {
      deltaWeights(layer);
      narrowGate(layer, "ssm_f");
      layer.need("ssm_a", l.heads());
      layer.need("ssm_g.weight", width, deltaHeadLength * l.heads());
    } else {
      const isNarrow = layer.has("attn_q_a_norm.weight");
      latentWeights(layer, isNarrow ? sizes : { ...sizes, queryRank: 0 });
      layer.may("attn_gate.weight", width, sizes.heads * sizes.valueLength);
    }
    if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
      continue;
    }
    kimiExperts(layer, latent || width);
    if (latent > 0) {
      layer.need("ffn_routed_down.weight", width, latent);
      layer.need("ffn_routed_up.weight", latent, width);
      layer.may("ffn_routed_norm.weight", latent);
    }
    const shared = layer.may("ffn_gate_shexp.weight", width, sharedLength(l)) ? NEEDED : OPTIONAL;
    layer.take(shared, "ffn_down_shexp.weight", sharedLength(l), width);
    layer.take(shared, "ffn_up_shexp.weight", width, sharedLength(l));
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
  const { needed } = predictionPresence(l);
  for (let index = l.layerCount; index < l.allLayerCount; index++) {
    const layer = l.layer(index);
    layer.take(needed, "attn_norm.weight", width);
    bailingLatent(layer, sizes, needed);
    layer.take(needed, "ffn_norm.weight", width);
    bailingExperts(layer, shared, needed);
    layer.take(needed, "nextn.eh_proj.weight", 2 * width, width);
    layer.take(needed, "nextn.enorm.weight", width);
    layer.take(needed, "nextn.hnorm.weight", width);
    layer.take(needed, "layer_output_norm.weight", width);
  }
};

/** Architectures with delta attention on some layers and latent attention on the others. */
export const ARCHITECTURES: Family = family({
  "bailingmoe3": attentionAndState("models/bailingmoe3.cpp", {
    graph: transformer(BAILING),
    loads: bailingMoe3,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "kimi-k3": attentionAndState("models/kimi-k3.cpp", {
    graph: (b) => new KimiK3(b).build(),
    loads: kimiK3Loads,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
    valueLengthIsLatentRank: true,
  }),
  "kimi-linear": attentionAndState("models/kimi-linear.cpp", {
    graph: transformer(KIMI),
    loads: kimiLinearLoads,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
  }),
});
