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
import { attention, projectQueryKeyValue } from "../graph/blocks/attention.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  demandSharedCaches,
  gemmaAttention,
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
  return b.graph.sumRows(b.graph.map(x));
}

/** Streams as long as the model's own. */
function rescale(b: Builder, x: Tensor, target: Tensor): Tensor {
  return b.graph.inPlace(b.graph.inPlace(x, target), magnitude(b, x));
}

function otherStreams(b: Builder, x: Tensor): Tensor {
  return b.graph.view(x, [x.n0, x.n1, STREAMS - 1], x.s1, x.s2);
}

function widen(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const added = b.multiply("altup_proj", graph.repeat(x, x.n0, x.n1, STREAMS - 1));
  return graph.concat(x, rescale(b, added, magnitude(b, x)), 2);
}

/** `altup_compute_router_modalities` */
function route(b: Builder, layer: number, x: Tensor): Tensor {
  return b.multiply(`blk.${layer}.altup_router`, b.graph.rmsNorm(x));
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
  const innovation = graph.inPlace(active, slice(b, predictions));
  const all = b.multiply(`blk.${layer}.altup_correct_coef`, routed);
  const coefficients = graph.contiguous(graph.transpose(all), 1, tokens, STREAMS);
  const repeated = graph.repeat(innovation, active.n0, tokens, STREAMS);
  return graph.add(graph.inPlace(repeated, coefficients), predictions);
}

function laurel(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const low = b.multiply(`blk.${layer}.laurel_l`, x);
  return graph.add(graph.rmsNorm(b.multiply(`blk.${layer}.laurel_r`, low)), x);
}

/** `gaussian_topk`: what lies far above a row's mean. */
function keepLargest(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const mean = graph.sumRows(x);
  const deviation = graph.sumRows(graph.inPlace(x, mean));
  return graph.inPlace(x, graph.inPlace(mean, deviation));
}

function feed(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const up = b.multiply(`blk.${layer}.ffn_up`, x);
  const gate = b.multiply(`blk.${layer}.ffn_gate`, x);
  const kept = layer < SPARSE_LAYERS ? keepLargest(b, gate) : gate;
  return b.multiply(`blk.${layer}.ffn_down`, graph.multiply(up, kept));
}

function attend(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  if (layer >= b.hyperparameters.cachedLayerCount) return gemmaAttention(b, layer, x);
  const { q, k, v } = projectQueryKeyValue(b, layer, x);
  return attention(b, layer, {
    q: b.rope(graph.rmsNorm(q)),
    k: b.rope(graph.rmsNorm(k)),
    v: graph.rmsNorm(v),
  });
}

function buildLayer(b: Builder, layer: number, x: Tensor, perLayer: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const predictions = predict(b, layer, x);
  const active = slice(b, predictions);
  const normed = graph.rmsNorm(active);
  const attended = graph.add(graph.rmsNorm(attend(b, layer, normed)), active);
  const middle = graph.add(attended, laurel(b, layer, normed));
  const fed = graph.rmsNorm(feed(b, layer, graph.rmsNorm(middle)));
  const corrected = correct(b, layer, predictions, graph.add(fed, middle));
  const first = graph.map(slice(b, corrected));
  const gate = b.multiply(`${prefix}inp_gate`, first);
  const gated = b.multiply(`${prefix}proj`, graph.multiply(gate, slice(b, perLayer)));
  const rest = graph.add(otherStreams(b, corrected), graph.rmsNorm(gated));
  return graph.concat(slice(b, corrected), rest, 2);
}

function join(b: Builder, x: Tensor): Tensor {
  const { graph } = b;
  const others = b.multiply("altup_unembd_proj", otherStreams(b, x));
  const rescaled = rescale(b, others, magnitude(b, slice(b, x)));
  let sum = slice(b, x);
  for (let index = 1; index < STREAMS; index++) sum = graph.add(sum, slice(b, rescaled));
  return sum;
}

/** src/models/gemma3n.cpp */
function buildGemma3n(b: Builder): void {
  const embedded = begin(b, {});
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
    graph: buildGemma3n,
    loads: gemma3n,
    slidingWindow: { pattern: { period: 5 } },
    ownCaches: 20,
  }),
});
