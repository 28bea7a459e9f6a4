import {
  attention,
  embedding,
  gatedFeedForward,
  type Loads,
  normWithBias,
  output,
  outputNormWithBias,
  squareRows,
  ungatedFeedForward,
} from "../loading/blocks.ts";
import { demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { NEEDED } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import type { Graph } from "../ggml/graph.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  attend,
  feed,
  GPT,
  keepOutputs,
  type LayerBuilder,
  QUERY_KEY_NORM,
  transformer,
  transformerLayer,
} from "../graph/transformer.ts";

/** The three operands of a layer's two sums. */
interface Operands {
  readonly fed: Tensor;
  readonly y: Tensor;
  readonly residual: Tensor;
}

/** Feed-forward beside attention, both on the same norm unless attention has one of its own. */
export function parallel(sum: (graph: Graph, operands: Operands) => Tensor): LayerBuilder {
  return (b, row, layer, x) => {
    const kind = row.norm ?? "rms";
    const prefix = `blk.${layer}.`;
    const first = b.norm(x, kind, `${prefix}attn_norm`);
    const second = `${prefix}attn_norm_2`;
    const own = b.has(second) ? b.norm(x, kind, second) : first;
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
/** Beside each other or one after the other, as the header says (src/models/gptneox.cpp). */
const gptNeoX: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  if (b.keys.flag("use_parallel_residual") === false) return transformerLayer(b, row, layer, x);
  const norm = (name: string, y: Tensor) => b.norm(y, "layer", `blk.${layer}.${name}`);
  const [y, residual] = keepOutputs(b, layer, [attend(b, row, layer, norm("attn_norm", x)), x]);
  const fed = feed(b, row, layer, norm("ffn_norm", residual));
  return graph.add(graph.add(fed, residual), y);
};

/** The feed-forward takes the first norm where it has none of its own (src/models/stablelm.cpp). */
const stableLm: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const first = b.norm(x, "layer", `blk.${layer}.attn_norm`);
  const [y, residual, normed] = keepOutputs(b, layer, [attend(b, row, layer, first), x, first]);
  const middle = graph.add(y, residual);
  const name = `blk.${layer}.ffn_norm`;
  const input = b.has(name) ? b.norm(middle, "layer", name) : normed;
  return graph.add(feed(b, row, layer, input), middle);
};

const falconLoads: Loads = (l) => {
  l.key("attention.layer_norm_epsilon");
  demandHeads(l, { rope: true, square: true });
  const width = l.embedding;
  embedding(l);
  outputNormWithBias(l);
  l.may("output.weight", width, l.vocabulary);
  for (const layer of l.layers()) {
    normWithBias(layer, "attn_norm");
    layer.may("attn_norm_2.weight", width);
    layer.may("attn_norm_2.bias", width);
    layer.need("attn_qkv.weight", width, width + 2 * l.values());
    layer.need("attn_output.weight", width, width);
    ungatedFeedForward(layer);
  }
};

const phi2Loads: Loads = (l) => {
  l.key("attention.layer_norm_epsilon");
  demandHeads(l, { square: true });
  demandRotation(l);
  embedding(l);
  outputNormWithBias(l);
  l.need("output.weight", l.embedding, l.vocabulary);
  l.need("output.bias", l.vocabulary);
  for (const layer of l.layers()) {
    attention(layer, squareRows(l));
    layer.need("attn_norm.bias", l.embedding);
    layer.need("attn_output.bias", l.embedding);
    ungatedFeedForward(layer, NEEDED);
  }
};

const plamoLoads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true, square: true });
  embedding(l);
  output(l);
  for (const layer of l.layers()) {
    attention(layer, squareRows(l));
    gatedFeedForward(layer);
  }
};

const gptNeoXLoads: Loads = (l) => {
  l.key("attention.layer_norm_epsilon");
  l.key("use_parallel_residual");
  demandHeads(l, { square: true });
  demandRotation(l);
  const width = l.embedding;
  const all = width + 2 * l.values();
  embedding(l);
  outputNormWithBias(l);
  l.need("output.weight", width, l.vocabulary);
  for (const layer of l.layers()) {
    normWithBias(layer, "attn_norm");
    layer.need("attn_qkv.weight", width, all);
    layer.need("attn_qkv.bias", all);
    layer.need("attn_output.weight", width, width);
    layer.need("attn_output.bias", width);
    normWithBias(layer, "ffn_norm");
    ungatedFeedForward(layer, NEEDED);
  }
};

const stableLmLoads: Loads = (l) => {
  l.key("attention.layer_norm_epsilon");
  demandHeads(l, { square: true });
  demandRotation(l);
  embedding(l);
  outputNormWithBias(l);
  l.need("output.weight", l.embedding, l.vocabulary);
  for (const layer of l.layers()) {
    attention(layer, squareRows(l));
    layer.need("attn_norm.bias", l.embedding);
    layer.may("attn_q_norm.weight", l.keyLength(), l.heads());
    layer.may("attn_k_norm.weight", l.keyLength(), l.keyValueHeads());
    layer.may("ffn_norm.weight", l.embedding);
    layer.may("ffn_norm.bias", l.embedding);
    gatedFeedForward(layer);
  }
};

/** Architectures whose feed-forward doesn't wait for attention. */
export const ARCHITECTURES: Family = family({
  "falcon": attentionCache("models/falcon.cpp", {
    graph: transformer(GPT, falcon),
    loads: falconLoads,
  }),
  "phi2": attentionCache("models/phi2.cpp", {
    graph: transformer({ ...GPT, scalesQueries: true }, phi2),
    loads: phi2Loads,
  }),
  "plamo": attentionCache("models/plamo.cpp", {
    graph: transformer({}, falcon),
    loads: plamoLoads,
  }),
  "gptneox": attentionCache("models/gptneox.cpp", {
    graph: transformer(GPT, gptNeoX),
    loads: gptNeoXLoads,
  }),
  "stablelm": attentionCache("models/stablelm.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, norm: "layer" }, stableLm),
    loads: stableLmLoads,
  }),
});
