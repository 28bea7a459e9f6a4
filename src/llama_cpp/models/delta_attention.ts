import { attentionAndState, type Family, family } from "./architecture.ts";
import { gatedDelta } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { latentAttention } from "../graph/blocks/latent_attention.ts";
import { bySequence, convolve, readState, stateOf } from "../graph/blocks/recurrent.ts";
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

/** Architectures with delta attention on some layers and latent attention on the others. */
export const ARCHITECTURES: Family = family({
  "bailingmoe3": attentionAndState("models/bailingmoe3.cpp", {
    graph: transformer(BAILING),
    recurrentLayers: "no-kv-heads",
    state: "delta",
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "kimi-k3": attentionAndState("models/kimi-k3.cpp", {
    graph: (b) => new KimiK3(b).build(),
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
    valueLengthIsLatentRank: true,
  }),
  "kimi-linear": attentionAndState("models/kimi-linear.cpp", {
    graph: transformer(KIMI),
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
  }),
});
