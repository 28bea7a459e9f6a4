import { attention, headsOf } from "../graph/blocks/attention.ts";
import { deltaNetLayer } from "../graph/blocks/delta_net.ts";
import { mixtureOfExperts, SOFTMAX } from "../graph/blocks/experts.ts";
import { feedForward, SHARED } from "../graph/blocks/feed_forward.ts";
import type { Builder, GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { buildTransformer, type LayerBuilder } from "./transformer.ts";

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
  const shared = feedForward(b, layer, x, "gated", SHARED);
  const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
  return graph.add(routed, graph.multiply(shared, gate));
}

/** src/models/qwen3next.cpp, qwen35.cpp and qwen35moe.cpp */
const qwen3Next: LayerBuilder = (b, _row, layer, x) => {
  const { graph } = b;
  const normed = graph.expand(b.norm(x, "rms"));
  const mixed = b.hyperparameters.recurrentLayers[layer]
    ? deltaNetLayer(b, layer, normed)
    : gatedQueryAttention(b, layer, normed);
  const middle = graph.add(mixed, x);
  return graph.add(gatedSharedExperts(b, layer, b.norm(middle, "rms")), middle);
};

const build = (b: Builder) => {
  buildTransformer(b, { lateOutputs: "after-norm" }, qwen3Next);
};

/** Architectures with a gated delta rule on some layers and attention on the others. */
export const BUILDERS: ReadonlyMap<string, GraphBuilder> = new Map([
  ["qwen3next", build],
  ["qwen35", build],
  ["qwen35moe", build],
]);
