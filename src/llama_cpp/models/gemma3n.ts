import {
  embedding,
  gatedFeedForward,
  headNorms,
  type Loads,
  norm,
  outputOrTied,
  queryKeyValue,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { attention, headsOf, projectQueryKeyValue } from "../graph/blocks/attention.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  demandSharedCaches,
  ownInput,
  perLayerEmbedding,
  perLayerInput,
  perLayerInputs,
  slice,
} from "./gemma4.ts";
import { begin, end } from "../graph/transformer.ts";

/** Streams beside the model's own, its own included (`n_altup`). */
const STREAMS = 4;
/** Layers whose gates keep their largest values only (src/models/models.h, `n_layer_sparsity`). */
const SPARSE_LAYERS = 10;

/** Elements of each layer's own embedding (`n_embd_altup`). */
const PER_LAYER_WIDTH = 256;
/** Between the two matrices of the learned residual (`laurel_rank`). */
const LAUREL_RANK = 64;

function magnitude(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  return graph.squareRoot(graph.sumRows(graph.square(x)));
}

/** Streams as long as the model's own. */
function rescale(b: Builder, x: Tensor, target: Tensor): Tensor {
  return b.graph.divide(b.graph.multiply(x, target), magnitude(b, x));
}

function otherStreams(b: Builder, x: Tensor): Tensor {
  return b.graph.view(x, [x.n0, x.n1, STREAMS - 1], x.s1, x.s2);
}

function widen(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const added = b.multiplyMatrix("altup_proj", graph.repeat(x, x.n0, x.n1, STREAMS - 1));
  return graph.concat(x, rescale(b, added, magnitude(b, x)), 2);
}

/** `altup_compute_router_modalities` */
function route(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const normed = graph.scale(b.norm(x, "rms", `blk.${layer}.altup_router_norm`));
  return graph.unary("TANH", b.multiplyMatrix(`blk.${layer}.altup_router`, normed));
}

function predict(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const routed = route(b, layer, slice(b, x));
  const name = `blk.${layer}.altup_predict_coef`;
  const coefficients = b.heads(name, routed, STREAMS, STREAMS);
  const streams = graph.contiguous(graph.permute(x, [1, 2, 0, 3]));
  const mixed = graph.multiplyMatrix(streams, coefficients);
  const predictions = graph.contiguous(graph.permute(mixed, [0, 2, 1, 3]));
  return graph.add(predictions, x);
}

function correct(b: Builder, layer: number, predictions: Tensor, active: Tensor): Tensor {
  const { graph, tokens } = b;
  const routed = route(b, layer, active);
  const innovation = graph.subtract(active, slice(b, predictions));
  const all = graph.scale(b.multiply(`blk.${layer}.altup_correct_coef`, routed));
  const coefficients = graph.contiguous(graph.transpose(all), 1, tokens, STREAMS);
  const repeated = graph.repeat(innovation, active.n0, tokens, STREAMS);
  return graph.add(graph.multiply(repeated, coefficients), predictions);
}

function laurel(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const low = b.multiply(`blk.${layer}.laurel_l`, x);
  const high = b.multiply(`blk.${layer}.laurel_r`, low);
  return graph.add(b.norm(high, "rms", `blk.${layer}.laurel_post_norm`), x);
}

/** `gaussian_topk`: what lies far above a row's mean. */
function keepLargest(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const mean = graph.make("MEAN", [x], [1, x.n1, x.n2, x.n3]);
  const squares = graph.sumRows(graph.square(graph.subtract(x, mean)));
  const deviation = graph.squareRoot(graph.scale(squares));
  const cutoff = graph.add(mean, graph.scale(deviation));
  return graph.unary("RELU", graph.subtract(x, cutoff));
}

function feed(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const up = b.multiplyMatrix(`blk.${layer}.ffn_up`, x);
  const gate = b.multiplyMatrix(`blk.${layer}.ffn_gate`, x);
  const kept = graph.unary("GELU", layer < SPARSE_LAYERS ? keepLargest(b, gate) : gate);
  return b.multiplyMatrix(`blk.${layer}.ffn_down`, graph.multiply(up, kept));
}

function attend(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  if (layer >= b.hyperparameters.cachedLayerCount) {
    const { keyLength, queries } = headsOf(b, layer);
    const all = b.multiplyMatrix(`blk.${layer}.attn_q`, x);
    const heads = graph.reshape(all, keyLength, queries, b.tokens);
    return attention(b, layer, { q: b.rope(b.norm(heads, "rms", `blk.${layer}.attn_q_norm`)) });
  }
  const { q, k, v } = projectQueryKeyValue(b, layer, x);
  return attention(b, layer, {
    q: b.rope(b.norm(q, "rms", `blk.${layer}.attn_q_norm`)),
    k: b.rope(b.norm(k, "rms", `blk.${layer}.attn_k_norm`)),
    v: graph.rmsNorm(v),
  });
}

function buildLayer(b: Builder, layer: number, x: Tensor, perLayer: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const predictions = predict(b, layer, x);
  const active = slice(b, predictions);
  const norm = (name: string, y: Tensor, pinnedTo = layer) =>
    b.norm(y, "rms", prefix + name, pinnedTo);
  const normed = norm("attn_norm", active);
  const attended = graph.add(norm("post_attention_norm", attend(b, layer, normed)), active);
  const middle = graph.scale(graph.add(attended, laurel(b, layer, normed)));
  const fed = norm("post_ffw_norm", feed(b, layer, norm("ffn_norm", middle)), -1);
  const corrected = correct(b, layer, predictions, graph.add(fed, middle));
  const first = graph.multiply(slice(b, corrected), b.need(`${prefix}altup_correct_scale`));
  const rest = graph.add(otherStreams(b, corrected), ownInput(b, layer, first, perLayer));
  return graph.concat(slice(b, corrected), rest, 2);
}

function join(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const others = b.multiplyMatrix("altup_unembd_proj", otherStreams(b, x));
  const rescaled = rescale(b, others, magnitude(b, slice(b, x)));
  let sum = slice(b, x);
  for (let index = 1; index < STREAMS; index++) sum = graph.add(sum, slice(b, rescaled));
  return graph.scale(sum);
}

/** src/models/gemma3n.cpp */
function buildGemma3n(b: Builder): void {
  const embedded = begin(b, { prelude: "scale" });
  const perLayer = perLayerInputs(b, embedded);
  if (perLayer === undefined) throw new Error("Gemma 3n has embeddings for each layer");
  let x = widen(b, embedded);
  for (const layer of b.layers((layer) => layer < SPARSE_LAYERS ? 1 : 0)) {
    x = buildLayer(b, layer, x, perLayer);
  }
  end(b, {}, b.onlyOutputs(join(b, x)));
}

const gemma3n: Loads = (l) => {
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
  l.key("attention.sliding_window");
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l);
  demandRotation(l);
  demandSharedCaches(l);
  const width = l.embedding;
  embedding(l);
  outputOrTied(l);
  l.need("altup_proj.weight", width, width, STREAMS - 1);
  l.need("altup_unembd_proj.weight", width, width, STREAMS - 1);
  perLayerEmbedding(l, PER_LAYER_WIDTH);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    queryKeyValue(layer, { apart: layer.index >= l.hyperparameters.cachedLayerCount });
    layer.need("attn_output.weight", l.queries(), width);
    headNorms(layer);
    norm(layer, "post_attention_norm");
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
    norm(layer, "post_ffw_norm");
    perLayerInput(layer, PER_LAYER_WIDTH);
    layer.need("altup_correct_coef.weight", STREAMS, STREAMS);
    norm(layer, "altup_correct_scale");
    layer.need("altup_predict_coef.weight", STREAMS, STREAMS * STREAMS);
    layer.need("altup_router.weight", width, STREAMS);
    norm(layer, "altup_router_norm");
    layer.need("laurel_l.weight", width, LAUREL_RANK);
    layer.need("laurel_r.weight", LAUREL_RANK, width);
    norm(layer, "laurel_post_norm");
  }
};

export const ARCHITECTURES: Family = family({
  "gemma3n": attentionCache("models/gemma3n.cpp", {
    scales: { final_logit_softcapping: 30 },
    graph: buildGemma3n,
    loads: gemma3n,
    slidingWindow: { pattern: { period: 5 } },
    ownCaches: 20,
    outputLoadedFirst: true,
  }),
});
