import { attentionAndState, type Family, family } from "./architecture.ts";
import { deltaAttention } from "./delta_attention.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { latentAttention } from "../graph/blocks/latent_attention.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { begin, end } from "../graph/transformer.ts";
import { embedding, gatedFeedForward, type Loads, norm, output } from "../loading/blocks.ts";
import {
  deltaKeys,
  deltaWeights,
  kimiExperts,
  latentWeights,
  narrowGate,
  sharedLength,
} from "../loading/delta_blocks.ts";
import { demandCachedRows, latentSizes } from "../loading/latent_blocks.ts";
import { NEEDED, OPTIONAL } from "../loading/loader.ts";

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
  #mix(x: Tensor, name: string): Tensor {
    const { graph } = this.b;
    const kept = this.#kept;
    if (kept === undefined) return x;
    const weight = this.b.need(name);
    const score = (y: Tensor) => graph.sumRows(graph.multiply(graph.rmsNorm(y), weight));
    const before = graph.reshape(score(kept), kept.n1, x.n1);
    const here = score(x);
    const weights = graph.softMax(graph.concat(before, here, 0));
    const keptWeights = graph.contiguous(graph.view(weights, [kept.n1, x.n1], weights.s1));
    const ownWeight = graph.contiguous(graph.view(weights, [1, x.n1], weights.s1));
    const sum = graph.make("DSV4_HC_PRE", [kept, keptWeights], [x.n0, x.n1]);
    return graph.add(sum, graph.multiply(x, ownWeight));
  }

  #attend(layer: number, x: Tensor): Tensor {
    const { b } = this;
    if (b.hyperparameters.recurrentLayers[layer]) {
      return deltaAttention(b, layer, x, "kimi-k3");
    }
    let y = latentAttention(b, layer, x, { ropes: false, output: false });
    const gate = `blk.${layer}.attn_gate`;
    if (b.has(gate)) {
      y = b.graph.multiply(y, b.graph.unary("SIGMOID", b.multiplyMatrix(gate, x)));
    }
    return b.multiplyMatrix(`blk.${layer}.attn_output`, y);
  }

  #feed(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const prefix = `blk.${layer}.`;
    if (layer < b.hyperparameters.experts.leadingDenseLayerCount) {
      return feedForward(b, layer, x, "situ");
    }
    const multiplyIfThere = (name: string, y: Tensor) =>
      b.has(prefix + name) ? b.multiplyMatrix(prefix + name, y) : y;
    const narrow = multiplyIfThere("ffn_routed_down", x);
    let routed = mixtureOfExperts(b, layer, narrow, {
      gating: "header",
      weightsNorm: "header",
      activation: "situ",
      logits: b.multiplyMatrix(`${prefix}ffn_gate_inp`, x),
    });
    const norm = `${prefix}ffn_routed_norm`;
    if (b.has(norm)) routed = b.norm(routed, "rms", norm);
    routed = multiplyIfThere("ffn_routed_up", routed);
    if (!b.has(`${prefix}ffn_gate_shexp`)) return routed;
    return b.graph.add(routed, sharedFeedForward(b, layer, x, "situ"));
  }

  build(): void {
    const { b } = this;
    const every = b.keys.real("attn_res.block_size");
    const mixes = every > 0;
    let sum = begin(b, {});
    for (let layer = 0; layer < b.hyperparameters.layerCount; layer++) {
      const prefix = `blk.${layer}.`;
      const input = mixes ? this.#mix(sum, `${prefix}attn_res_score`) : sum;
      const keeps = mixes && layer % every === 0;
      if (keeps) this.#keep(sum);
      const mixed = this.#attend(layer, b.graph.expand(b.norm(input, "rms", `${prefix}attn_norm`)));
      sum = keeps ? mixed : b.graph.add(sum, mixed);
      const middle = mixes ? this.#mix(sum, `${prefix}ffn_res_score`) : sum;
      sum = b.graph.add(sum, this.#feed(layer, b.norm(middle, "rms", `${prefix}ffn_norm`)));
    }
    if (mixes) sum = this.#mix(sum, "output_res_score");
    end(b, {}, b.onlyOutputs(sum));
  }
}

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

export const ARCHITECTURES: Family = family({
  "kimi-k3": attentionAndState("models/kimi-k3.cpp", {
    graphNodes: { perBatchToken: 160, perTensor: 64 },
    graph: (b) => new KimiK3(b).build(),
    loads: kimiK3Loads,
    recurrentLayers: "no-kv-heads",
    state: "delta",
    latentAttention: true,
    valueLengthIsLatentRank: true,
  }),
});
