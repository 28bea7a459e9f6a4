import { attentionAndState, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { deltaNetLayer, type DeltaNetOptions } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts, SOFTMAX } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { type LayerBuilder, transformer, type TransformerRow } from "../graph/transformer.ts";

/** Attention whose queries bring a gate along (src/models/qwen3next.cpp, `build_layer_attn`). */
export function gatedQueryAttention(
  b: Builder,
  layer: number,
  x: Tensor,
  remask?: (mask: Tensor) => Tensor,
): Tensor {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength: length, queries, keyValues } = headsOf(b, layer);
  const both = b.multiply(`${prefix}q`, x);
  const row = length * 2 * 4;
  const half = () => graph.view(both, [length, queries, tokens], row, row * queries);
  const q = b.rope(graph.rmsNorm(half()));
  const gate = () => graph.contiguous(half(), length * queries, tokens);
  const keys = graph.reshape(b.multiply(`${prefix}k`, x), length, keyValues, tokens);
  const k = b.rope(graph.rmsNorm(keys));
  const v = graph.reshape(b.multiply(`${prefix}v`, x), length, keyValues, tokens);
  const y = attention(b, layer, { q, k, v }, {
    output: false,
    ...(remask === undefined ? {} : { remask }),
  });
  return b.multiply(`${prefix}output`, graph.multiply(y, gate()));
}

/** A mixture with a gated shared expert, or a dense feed-forward (`build_layer_ffn`). */
export function gatedSharedExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  if (!b.has(`${prefix}ffn_gate_inp`)) return feedForward(b, layer, x, "gated");
  const routed = mixtureOfExperts(b, layer, x, {
    gating: SOFTMAX,
    normalizes: true,
    scale: b.hyperparameters.experts.weightsScale,
  });
  if (!b.has(`${prefix}ffn_up_shexp`)) return routed;
  const shared = sharedFeedForward(b, layer, x);
  const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
  return graph.add(routed, graph.multiply(shared, gate));
}

const deltaNet = (options: DeltaNetOptions): LayerBuilder => (b, _row, layer, x) => {
  const { graph } = b;
  const normed = graph.expand(b.norm(x, "rms"));
  const mixed = b.hyperparameters.recurrentLayers[layer]
    ? deltaNetLayer(b, layer, normed, options)
    : gatedQueryAttention(b, layer, normed);
  const middle = graph.add(mixed, x);
  return graph.add(gatedSharedExperts(b, layer, b.norm(middle, "rms")), middle);
};

const qwen3Next = deltaNet({ repeatsKeys: true });
const qwen35 = deltaNet({});

const LATE: TransformerRow = { lateOutputs: "after-norm" };

/** Architectures with a gated delta rule on some layers and attention on the others. */
export const ARCHITECTURES: Family = family({
  "qwen35": attentionAndState("models/qwen35.cpp", {
    graph: transformer(LATE, qwen35),
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    state: "state-space",
    predictionLayersSkipped: true,
    positionsPerToken: 4,
  }),
  "qwen35moe": attentionAndState("models/qwen35moe.cpp", {
    graph: transformer(LATE, qwen35),
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    state: "state-space",
    predictionLayersSkipped: true,
    positionsPerToken: 4,
    scalesExperts: true,
  }),
  "qwen3next": attentionAndState("models/qwen3next.cpp", {
    graph: transformer(LATE, qwen3Next),
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    state: "state-space",
    predictionLayersSkipped: true,
    scalesExperts: true,
  }),
});
