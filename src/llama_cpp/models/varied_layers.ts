import {
  attention,
  attentionOutput,
  embedding,
  gatedFeedForward,
  headNorms,
  type Loads,
  longRopeFactors,
  mayFrequencies,
  maySections,
  norm,
  output,
  outputOrTied,
  predictionHead,
  queryKeyValue,
  rmsNorms,
  ropeFactors,
  tiedOutput,
  ungatedFeedForward,
} from "../loading/blocks.ts";
import { demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { type LayerLoader, NEEDED, NEEDED_UNLOADED, type Presence } from "../loading/loader.ts";
import { type LoadsLayer, loadsTransformer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { attention as attend, headsOf } from "../graph/blocks/attention.ts";
import { type LayerBuilder, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** src/models/apertus.cpp */
const apertusFeed: LayerBuilder = (b, _row, layer, x) => {
  const up = b.multiplyMatrix(`blk.${layer}.ffn_up`, x);
  return b.multiplyMatrix(`blk.${layer}.ffn_down`, b.graph.unary("XIELU", up));
};

/** A norm before the last matrix (src/models/bitnet.cpp). */
const bitnetFeed: LayerBuilder = (b, _row, layer, x) => {
  const prefix = `blk.${layer}.ffn_`;
  const up = b.multiplyScaled(`${prefix}up`, x);
  const y = b.graph.gated("SWIGLU", b.multiplyScaled(`${prefix}gate`, x), up);
  return b.multiplyScaled(`${prefix}down`, b.norm(y, "rms", `${prefix}sub_norm`));
};

/** Heads are apart before queries, keys and values are (src/models/openelm.cpp). */
const openelmAttention: LayerBuilder = (b, _row, layer, x) => {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, queries, keyValues } = headsOf(b, layer);
  const fused = b.multiplyMatrix(`${prefix}qkv`, x);
  const all = graph.reshape(fused, keyLength, queries + 2 * keyValues, tokens);
  const view = (count: number) => graph.view(all, [keyLength, count, tokens], all.s1, all.s2);
  const rotated = (count: number, name: string) =>
    b.rope(b.norm(view(count), "rms", `${prefix}${name}_norm`));
  const parts = { q: rotated(queries, "q"), k: rotated(keyValues, "k"), v: view(keyValues) };
  return attend(b, layer, parts);
};

const exaone = loadsTransformer({ more: mayFrequencies });

const arcee = loadsTransformer({
  more: mayFrequencies,
  layer: (layer) => {
    attention(layer);
    norm(layer, "ffn_norm");
    ungatedFeedForward(layer);
  },
});

const apertus = loadsTransformer({
  more: (l) => {
    for (const name of ["alpha_n", "alpha_p", "beta", "eps"]) {
      l.layerKey(`xielu.${name}`, l.layerCount);
    }
    ropeFactors(l);
  },
  output,
  layer: (layer) => {
    norm(layer, "attn_norm");
    queryKeyValue(layer);
    attentionOutput(layer);
    norm(layer, "ffn_norm");
    ungatedFeedForward(layer);
    headNorms(layer);
    for (const name of ["attn_q_norm.bias", "attn_k_norm.bias"]) {
      layer.may(name, layer.model.keyLength());
    }
  },
});

const bitnet = loadsTransformer({
  rotation: "part",
  square: true,
  output: tiedOutput,
  layer: (layer) => {
    const { model: l } = layer;
    norm(layer, "attn_norm");
    norm(layer, "attn_sub_norm");
    layer.need("attn_q.weight", l.embedding, l.embedding);
    layer.need("attn_k.weight", l.embedding, l.keys());
    layer.need("attn_v.weight", l.embedding, l.values());
    layer.need("attn_output.weight", l.embedding, l.embedding);
    norm(layer, "ffn_norm");
    norm(layer, "ffn_sub_norm", l.feedForward());
    gatedFeedForward(layer);
  },
});

/** A feed-forward whose gate and what goes up lie in one matrix. */
function halvedFeedForward(layer: LayerLoader, presence: Presence = NEEDED): void {
  const { embedding: width } = layer.model;
  const size = layer.model.feedForward();
  layer.take(presence, "ffn_down.weight", size, width);
  layer.take(presence, "ffn_up.weight", width, 2 * size);
}

const halvedLayer: LoadsLayer = (layer) => {
  attention(layer);
  norm(layer, "ffn_norm");
  halvedFeedForward(layer);
};

const chatglm = loadsTransformer({
  rotation: "part",
  square: true,
  layer: halvedLayer,
});

const phi3 = loadsTransformer({
  square: true,
  rotation: "part",
  more: (l) => {
    l.mayKey("attention.sliding_window");
    longRopeFactors(l);
  },
  layer: halvedLayer,
});

/** Of the layers that predict further tokens, nothing is loaded. */
const glm4: Loads = (l) => {
  rmsNorms(l);
  maySections(l);
  demandHeads(l);
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    queryKeyValue(layer, { presence });
    layer.take(presence, "attn_output.weight", l.queries(), l.embedding);
    for (const name of ["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"]) {
      layer.take(presence, `${name}.weight`, l.embedding);
    }
    halvedFeedForward(layer, presence);
    if (predicts) predictionHead(layer, presence);
  }
};

/** Each layer has as many heads as the header says for it. */
const openelm: Loads = (l) => {
  rmsNorms(l);
  demandHeads(l, { perLayer: true });
  demandRotation(l);
  embedding(l);
  tiedOutput(l);
  for (const layer of l.layers()) {
    const { index } = layer;
    norm(layer, "attn_norm");
    layer.need("attn_qkv.weight", l.embedding, l.queries(index) + 2 * l.keys(index));
    headNorms(layer);
    layer.need("attn_output.weight", l.queries(index), l.embedding);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer, l.feedForward(index));
  }
};

/** Text from attention alone, on layers with other weights than most. */
export const ARCHITECTURES: Family = family({
  "apertus": attentionCache("models/apertus.cpp", {
    unusedWeights: /attn_[qk]_norm\.bias$/,
    graph: transformer({ ...QUERY_KEY_NORM, feed: apertusFeed }),
    loads: apertus,
  }),
  "arcee": attentionCache("models/arcee.cpp", {
    graph: transformer({ activation: "relu-squared" }),
    loads: arcee,
  }),
  "bitnet": attentionCache("models/bitnet.cpp", {
    multipliesEmbedding: true,
    scalesFeedForward: true,
    graph: transformer({ attentionSubNorm: true, feed: bitnetFeed }),
    loads: bitnet,
  }),
  "chatglm": attentionCache("models/chatglm.cpp", {
    graph: transformer({ activation: "swiglu" }),
    loads: chatglm,
  }),
  "exaone": attentionCache("models/exaone.cpp", { graph: transformer(), loads: exaone }),
  "glm4": attentionCache("models/glm4.cpp", {
    graph: transformer({ postNorms: true, activation: "swiglu" }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
    loads: glm4,
  }),
  "openelm": attentionCache("models/openelm.cpp", {
    graph: transformer({ residualFirst: true, mix: openelmAttention }),
    loads: openelm,
  }),
  "phi3": attentionCache("models/phi3.cpp", {
    graph: transformer({ activation: "swiglu", lastResidualFirst: true, scalesQueries: true }),
    loads: phi3,
  }),
});
