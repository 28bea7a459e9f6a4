import { attentionCache, type Family, family } from "./architecture.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder } from "../graph/builder.ts";
import {
  attend,
  buildTransformer,
  feed,
  keepOutputs,
  type LayerBuilder,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Feed-forward beside attention, both on the same norm; two sums (src/models/falcon.cpp). */
const falcon: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "layer");
  const hasSecondNorm = b.has(`blk.${layer}.attn_norm_2`);
  const [y, residual, normed] = keepOutputs(b, layer, [
    attend(b, row, layer, hasSecondNorm ? b.norm(x, "layer") : first),
    x,
    first,
  ]);
  return graph.add(graph.add(feedForward(b, layer, normed, "plain"), y), residual);
};

/** src/models/phi2.cpp */
const phi2: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "layer");
  const [y, residual, normed] = keepOutputs(b, layer, [attend(b, row, layer, first), x, first]);
  return graph.add(graph.add(y, feedForward(b, layer, normed, "plain")), residual);
};

/** src/models/command-r.cpp, cohere2.cpp and cohere2moe.cpp */
const commandR: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  let normed = b.norm(x, row.norm ?? "rms");
  let y = attend(b, row, layer, normed);
  let residual = x;
  if (row.lateOutputs === undefined) {
    [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed]);
  }
  return graph.add(graph.add(feed(b, row, layer, normed), residual), y);
};

/** The header says which norm it has. */
function buildCohere2Moe(b: Builder): void {
  const isRms = b.keys.real("attention.layer_norm_rms_epsilon") !== 0;
  const row: TransformerRow = {
    norm: isRms ? "rms" : "layer",
    rope: "sliding-or-dense",
    gating: "header",
    weightsNorm: "header",
    lateOutputs: "after-norm",
  };
  buildTransformer(b, row, commandR);
}

/** src/models/plamo.cpp */
const plamo: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "rms");
  const [y, normed, residual] = keepOutputs(b, layer, [attend(b, row, layer, first), first, x]);
  return graph.add(graph.add(feedForward(b, layer, normed, "gated"), y), residual);
};

/** Beside each other or one after the other, as the header says (src/models/gptneox.cpp). */
const gptNeoX: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const [y, residual] = keepOutputs(b, layer, [attend(b, row, layer, b.norm(x, "layer")), x]);
  if (b.keys.flag("use_parallel_residual") ?? true) {
    const fed = feedForward(b, layer, b.norm(residual, "layer"), "plain");
    return graph.add(graph.add(fed, residual), y);
  }
  const middle = graph.add(y, residual);
  return graph.add(feedForward(b, layer, b.norm(middle, "layer"), "plain"), middle);
};

/** The feed-forward takes the first norm where it has none of its own (src/models/stablelm.cpp). */
const stableLm: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "layer");
  const [y, residual, normed] = keepOutputs(b, layer, [attend(b, row, layer, first), x, first]);
  const middle = graph.add(y, residual);
  const input = b.has(`blk.${layer}.ffn_norm`) ? b.norm(middle, "layer") : normed;
  return graph.add(feedForward(b, layer, input, "gated"), middle);
};

/** Architectures whose feed-forward doesn't wait for attention. */
export const ARCHITECTURES: Family = family({
  "falcon": attentionCache("models/falcon.cpp", { graph: transformer({ norm: "layer" }, falcon) }),
  "phi2": attentionCache("models/phi2.cpp", { graph: transformer({ norm: "layer" }, phi2) }),
  "command-r": attentionCache("models/command-r.cpp", {
    graph: transformer({ norm: "layer", queryKeyNorm: "before-rope" }, commandR),
  }),
  "cohere2": attentionCache("models/cohere2.cpp", {
    graph: transformer({ norm: "layer", rope: "sliding" }, commandR),
    slidingWindow: { pattern: { period: 4 } },
  }),
  "cohere2moe": attentionCache("models/cohere2moe.cpp", {
    graph: buildCohere2Moe,
    slidingWindow: { pattern: { period: 4, denseFirst: true, orLayers: true } },
    predictionLayersSkipped: true,
    scalesExperts: true,
  }),
  "plamo": attentionCache("models/plamo.cpp", { graph: transformer({}, plamo) }),
  "gptneox": attentionCache("models/gptneox.cpp", {
    graph: transformer({ norm: "layer" }, gptNeoX),
  }),
  "stablelm": attentionCache("models/stablelm.cpp", {
    graph: transformer({ norm: "layer", queryKeyNorm: "before-rope" }, stableLm),
  }),
});
