import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import {
  embedding,
  feedForwardBiases,
  gatedFeedForward,
  type Loads,
  mayFrequencies,
  norm,
  outputOrTied,
  queryKeyValue,
  ropeFactors,
} from "../loading/blocks.ts";
import { demandHeads, demandPairs, demandRotation } from "../loading/graph_demands.ts";
import { plainLayer } from "../loading/transformer.ts";
import type { Builder } from "../graph/builder.ts";
import {
  attend,
  begin,
  end,
  feed,
  keepOutputs,
  type LayerBuilder,
  transformer,
  transformerLayer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Layers may lack attention, or its softmax, or the feed-forward (src/models/deci.cpp). */
const deci: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { headCounts, keyValueHeadCounts, feedForwardLengths } = b.hyperparameters;
  const heads = headCounts[layer] ?? 0;
  let y = heads === 0 ? x : b.norm(x, "rms", `blk.${layer}.attn_norm`);
  if (heads > 0) {
    y = keyValueHeadCounts[layer] === 0
      ? b.multiplyScaled(`blk.${layer}.attn_output`, y)
      : attend(b, row, layer, y);
  }
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual]);
  // llama.cpp passes the layer's input on where there is no feed-forward.
  if (feedForwardLengths[layer] === 0) return x;
  const middle = heads > 0 ? graph.add(y, residual) : y;
  return graph.add(feed(b, row, layer, b.norm(middle, "rms", `blk.${layer}.ffn_norm`)), middle);
};

/** Every layer adds the embeddings once more (src/models/talkie.cpp). */
function buildTalkie(b: Builder): void {
  const row: TransformerRow = { prelude: "norm", queryKeyNorm: "after-rope" };
  const embedded = begin(b, row);
  let x = embedded;
  for (const layer of b.layers()) {
    const [skip] = keepOutputs(b, layer, [embedded]);
    const scale = b.need(`blk.${layer}.layer_output_scale`);
    x = b.graph.add(transformerLayer(b, row, layer, x), b.graph.multiply(skip, scale));
  }
  end(b, row, x);
}

/** The same layers several times over (src/models/nanbeige.cpp). */
function buildNanbeige(b: Builder): void {
  const { layerCount } = b.hyperparameters;
  const loops = Math.max(1, b.keys.real("num_loops", 1));
  const once = layerCount / loops;
  if (loops > 1) b.model.repeatLayers(once);
  const norms = loops > 1 && !b.keys.flag("skip_loop_final_norm");
  let x = begin(b, {});
  for (let layer = 0; layer < layerCount; layer++) {
    x = transformerLayer(b, {}, layer, x);
    if (norms && (layer + 1) % once === 0 && layer + 1 < layerCount) {
      x = b.norm(x, "rms", "output_norm");
    }
  }
  end(b, {}, x);
}

const deciLoads: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  const [length, width] = [l.keyLength(), l.embedding];
  l.demand(
    l.rope() === length && l.valueLength() === length,
    `its heads have ${length} elements for keys, ${l.valueLength()} for values and rotate ${l.rope()}`,
  );
  demandPairs(l);
  embedding(l);
  outputOrTied(l);
  ropeFactors(l);
  for (const layer of l.layers()) {
    const { index } = layer;
    const queries = length * l.heads(index);
    const isAttention = l.keyValueHeads(index) > 0;
    if (isAttention || l.heads(index) > 0) norm(layer, "attn_norm");
    if (isAttention) {
      queryKeyValue(layer, { queries, keys: l.keys(index), values: l.values(index) });
      layer.need("attn_output.weight", queries, width);
    } else if (l.heads(index) > 0) {
      layer.need("attn_output.weight", width, width);
    }
    layer.may("attn_output.bias", width);
    const size = l.feedForward(index);
    if (size > 0) {
      norm(layer, "ffn_norm");
      gatedFeedForward(layer, size);
    }
    feedForwardBiases(layer, size);
  }
};

const nanbeige: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("num_loops");
  l.mayKey("skip_loop_final_norm");
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
  for (const layer of l.layers(l.layerCount / Math.max(1, l.number("num_loops")))) {
    plainLayer(layer);
  }
};

const talkie: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("logit_scale");
  demandHeads(l, { rope: true });
  demandPairs(l);
  embedding(l);
  l.need("output.weight", l.embedding, l.vocabulary);
  for (const layer of l.layers()) {
    queryKeyValue(layer, { keys: l.values() });
    layer.need("attn_output.weight", l.queries(), l.embedding);
    layer.need("attn_q_norm.weight", 1, l.heads());
    gatedFeedForward(layer);
    layer.need("layer_output_scale.weight", 1);
  }
};

/** Architectures whose layers lack parts, come again, or get the embeddings once more. */
export const ARCHITECTURES: Family = family({
  "deci": attentionCache("models/deci.cpp", { graph: transformer({}, deci), loads: deciLoads }),
  "nanbeige": attentionCache("models/nanbeige.cpp", {
    scalesFeedForward: true,
    graphNodes: MANY_GRAPH_NODES,
    graph: buildNanbeige,
    loads: nanbeige,
    repeatsLayers: true,
  }),
  "talkie": attentionCache("models/talkie.cpp", {
    scalesFeedForward: true,
    unusedWeights: /ffn_(up|gate)\.scale$/,
    scales: { logit_scale: 0 },
    graph: buildTalkie,
    loads: talkie,
  }),
});
