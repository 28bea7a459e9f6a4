import { feedForward } from "../blocks/feed_forward.ts";
import type { Builder } from "../builder.ts";
import type { Tensor } from "../tensor.ts";
import { attend, buildTransformer, keepOutputs, type TransformerRow } from "./transformer.ts";

type Layer = (b: Builder, row: TransformerRow, layer: number, x: Tensor) => Tensor;

/** Feed-forward beside attention, both on the same norm; two sums (src/models/falcon.cpp). */
const falcon: Layer = (b, row, layer, x) => {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  let normed = b.norm(x, `${prefix}attn_norm`, "layer");
  const hasSecondNorm = b.weight(`${prefix}attn_norm_2`) !== undefined;
  let y = hasSecondNorm ? b.norm(x, `${prefix}attn_norm_2`, "layer") : normed;
  y = attend(b, row, layer, y);
  let residual = x;
  [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed] as const);
  const fed = feedForward(b, layer, normed, "plain");
  return graph.add(graph.add(fed, y), residual);
};

/** src/models/phi2.cpp */
const phi2: Layer = (b, row, layer, x) => {
  const { graph } = b;
  let normed = b.norm(x, `blk.${layer}.attn_norm`, "layer");
  let y = attend(b, row, layer, normed);
  let residual = x;
  [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed] as const);
  const fed = feedForward(b, layer, normed, "plain");
  return graph.add(graph.add(y, fed), residual);
};

/** src/models/command-r.cpp and cohere2.cpp */
const commandR: Layer = (b, row, layer, x) => {
  const { graph } = b;
  let normed = b.norm(x, `blk.${layer}.attn_norm`, "layer");
  let y = attend(b, row, layer, normed);
  let residual = x;
  [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed] as const);
  const fed = feedForward(b, layer, normed, "gated");
  return graph.add(graph.add(fed, residual), y);
};

/** src/models/plamo.cpp */
const plamo: Layer = (b, row, layer, x) => {
  const { graph } = b;
  let normed = b.norm(x, `blk.${layer}.attn_norm`, "rms");
  let y = attend(b, row, layer, normed);
  let residual = x;
  [y, normed, residual] = keepOutputs(b, layer, [y, normed, residual] as const);
  const fed = feedForward(b, layer, normed, "gated");
  return graph.add(graph.add(fed, y), residual);
};

/** Beside each other or one after the other, as the header says (src/models/gptneox.cpp). */
const gptNeoX: Layer = (b, row, layer, x) => {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  let y = attend(b, row, layer, b.norm(x, `${prefix}attn_norm`, "layer"));
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  if (b.model.flag("use_parallel_residual", true)) {
    const fed = feedForward(b, layer, b.norm(residual, `${prefix}ffn_norm`, "layer"), "plain");
    return graph.add(graph.add(fed, residual), y);
  }
  const middle = graph.add(y, residual);
  const fed = feedForward(b, layer, b.norm(middle, `${prefix}ffn_norm`, "layer"), "plain");
  return graph.add(fed, middle);
};

/** The feed-forward takes the first norm where it has none of its own (src/models/stablelm.cpp). */
const stableLm: Layer = (b, row, layer, x) => {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  let normed = b.norm(x, `${prefix}attn_norm`, "layer");
  let y = attend(b, row, layer, normed);
  let residual = x;
  [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed] as const);
  const middle = graph.add(y, residual);
  const input = b.weight(`${prefix}ffn_norm`) === undefined
    ? normed
    : b.norm(middle, `${prefix}ffn_norm`, "layer");
  return graph.add(feedForward(b, layer, input, "gated"), middle);
};

const LAYERS: ReadonlyMap<string, readonly [Layer, TransformerRow]> = new Map([
  ["falcon", [falcon, { norm: "layer" }]],
  ["phi2", [phi2, { norm: "layer", scalesQuery: true }]],
  ["command-r", [commandR, { norm: "layer", queryKeyNorm: "before-rope", logitScales: 1 }]],
  ["cohere2", [commandR, { norm: "layer", rope: "sliding", logitScales: 1 }]],
  ["plamo", [plamo, {}]],
  ["gptneox", [gptNeoX, { norm: "layer" }]],
  ["stablelm", [stableLm, { norm: "layer", queryKeyNorm: "before-rope" }]],
]);

/** Architectures whose feed-forward doesn't wait for attention. */
export const PARALLEL_BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map(
  [...LAYERS].map((
    [name, [layer, row]],
  ) => [name, (b: Builder) => buildTransformer(b, row, layer)]),
);
