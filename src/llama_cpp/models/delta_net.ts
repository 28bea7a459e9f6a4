import { attentionAndState, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { deltaNetLayer, type DeltaNetOptions } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder, GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { onStateLayers, transformer } from "../graph/transformer.ts";

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
  const k = b.rope(graph.rmsNorm(b.heads(`${prefix}k`, x, length, keyValues)));
  const v = b.heads(`${prefix}v`, x, length, keyValues);
  const y = attention(b, layer, { q, k, v }, { output: false, remask });
  const gate = graph.contiguous(half(), length * queries, tokens);
  return b.multiply(`${prefix}output`, graph.multiply(y, gate));
}

/** A mixture with a gated shared expert, or a dense feed-forward (`build_layer_ffn`). */
export function gatedSharedExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  if (!b.has(`${prefix}ffn_gate_inp`)) return feedForward(b, layer, x, "gated");
  const routed = mixtureOfExperts(b, layer, x);
  if (!b.has(`${prefix}ffn_up_shexp`)) return routed;
  const shared = sharedFeedForward(b, layer, x);
  const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
  return graph.add(routed, graph.multiply(shared, gate));
}

/** src/models/qwen3next.cpp, qwen35.cpp and qwen35moe.cpp */
function deltaNet(options: DeltaNetOptions = {}): GraphBuilder {
  const mix = onStateLayers(
    (b, layer, x) => deltaNetLayer(b, layer, x, options),
    (b, _row, layer, x) => gatedQueryAttention(b, layer, x),
  );
  return transformer({
    lateOutputs: "after-norm",
    mix: (b, row, layer, x) => mix(b, row, layer, b.graph.expand(x)),
    feed: (b, _row, layer, x) => gatedSharedExperts(b, layer, x),
  });
}

const STATE = {
  recurrentLayers: { interval: 4 },
  cachedLayers: "text",
  state: "state-space",
  predictionLayersSkipped: true,
} as const;

/** Architectures with a gated delta rule on some layers and attention on the others. */
export const ARCHITECTURES: Family = family({
  "qwen35": attentionAndState("models/qwen35.cpp", {
    ...STATE,
    graph: deltaNet(),
    positionsPerToken: 4,
  }),
  "qwen35moe": attentionAndState("models/qwen35moe.cpp", {
    ...STATE,
    graph: deltaNet(),
    positionsPerToken: 4,
    scalesExperts: true,
  }),
  "qwen3next": attentionAndState("models/qwen3next.cpp", {
    ...STATE,
    graph: deltaNet({ repeatsKeys: true }),
    scalesExperts: true,
  }),
});
