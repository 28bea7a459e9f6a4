import { attentionCache, type Family, family } from "./architecture.ts";
import type { Builder } from "../graph/builder.ts";
import type { Graph } from "../ggml/graph.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  attend,
  buildTransformer,
  feed,
  GPT,
  HEADER_EXPERTS,
  keepOutputs,
  type LayerBuilder,
  QUERY_KEY_NORM,
  transformer,
  transformerLayer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** The three operands of a layer's two sums. */
interface Operands {
  readonly fed: Tensor;
  readonly y: Tensor;
  readonly residual: Tensor;
}

/** Feed-forward beside attention, both on the same norm unless attention has one of its own. */
function parallel(sum: (graph: Graph, operands: Operands) => Tensor): LayerBuilder {
  return (b, row, layer, x) => {
    const kind = row.norm ?? "rms";
    const first = b.norm(x, kind);
    const own = b.has(`blk.${layer}.attn_norm_2`) ? b.norm(x, kind) : first;
    let [y, residual, normed] = [attend(b, row, layer, own), x, first];
    if (row.lateOutputs === undefined) {
      [y, residual, normed] = keepOutputs(b, layer, [y, residual, normed]);
    }
    return sum(b.graph, { fed: feed(b, row, layer, normed), y, residual });
  };
}

/** src/models/falcon.cpp and plamo.cpp */
const falcon = parallel((graph, { fed, y, residual }) => graph.add(graph.add(fed, y), residual));
/** src/models/phi2.cpp */
const phi2 = parallel((graph, { fed, y, residual }) => graph.add(graph.add(y, fed), residual));
/** src/models/command-r.cpp, cohere2.cpp and cohere2moe.cpp */
const commandR = parallel((graph, { fed, y, residual }) => graph.add(graph.add(fed, residual), y));

/** The header says which norm it has. */
function buildCohere2Moe(b: Builder): void {
  const isRms = b.keys.real("attention.layer_norm_rms_epsilon") !== 0;
  const row: TransformerRow = {
    norm: isRms ? "rms" : "layer",
    rope: "sliding-or-dense",
    ...HEADER_EXPERTS,
    lateOutputs: "after-norm",
  };
  buildTransformer(b, row, commandR);
}

/** Beside each other or one after the other, as the header says (src/models/gptneox.cpp). */
const gptNeoX: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  if (b.keys.flag("use_parallel_residual") === false) return transformerLayer(b, row, layer, x);
  const [y, residual] = keepOutputs(b, layer, [attend(b, row, layer, b.norm(x, "layer")), x]);
  const fed = feed(b, row, layer, b.norm(residual, "layer"));
  return graph.add(graph.add(fed, residual), y);
};

/** The feed-forward takes the first norm where it has none of its own (src/models/stablelm.cpp). */
const stableLm: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "layer");
  const [y, residual, normed] = keepOutputs(b, layer, [attend(b, row, layer, first), x, first]);
  const middle = graph.add(y, residual);
  const input = b.has(`blk.${layer}.ffn_norm`) ? b.norm(middle, "layer") : normed;
  return graph.add(feed(b, row, layer, input), middle);
};

/** Architectures whose feed-forward doesn't wait for attention. */
export const ARCHITECTURES: Family = family({
  "falcon": attentionCache("models/falcon.cpp", { graph: transformer(GPT, falcon) }),
  "phi2": attentionCache("models/phi2.cpp", { graph: transformer(GPT, phi2) }),
  "command-r": attentionCache("models/command-r.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, norm: "layer" }, commandR),
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
  "plamo": attentionCache("models/plamo.cpp", { graph: transformer({}, falcon) }),
  "gptneox": attentionCache("models/gptneox.cpp", {
    graph: transformer(GPT, gptNeoX),
  }),
  "stablelm": attentionCache("models/stablelm.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, norm: "layer" }, stableLm),
  }),
});
