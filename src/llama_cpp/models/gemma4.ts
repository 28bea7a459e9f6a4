import {
  embedding,
  gatedFeedForward,
  gateUpExperts,
  type Loads,
  norm,
  outputOrTied,
  router,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { demandRotation } from "../loading/graph_demands.ts";
import { type LayerLoader, type Loader, NEEDED, OPTIONAL } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder } from "../graph/builder.ts";
import { I32, type Tensor } from "../ggml/tensor.ts";
import { begin, end } from "../graph/transformer.ts";

/** Embeddings of each layer's own, by token (src/models/gemma4.cpp, `build_inp_per_layer`). */
export function perLayerInputs(b: Builder, x: Tensor): Tensor | undefined {
  const { graph, tokens } = b;
  const table = b.weight("per_layer_token_embd");
  if (table === undefined) return undefined;
  const { layerCount } = b.hyperparameters;
  const width = table.n0 / layerCount;
  const ids = graph.input(I32, [tokens]);
  const byToken = graph.reshape(graph.getRows(table, ids), width, layerCount, tokens);
  const scaled = graph.expand(graph.scale(byToken));
  const projected = graph.scale(b.multiplyMatrix("per_layer_model_proj", x));
  const split = graph.reshape(projected, width, layerCount, tokens);
  const sum = graph.scale(graph.add(b.norm(split, "rms", "per_layer_proj_norm"), scaled));
  return graph.contiguous(graph.permute(sum, [0, 2, 1, 3]));
}

/** One layer's part of a tensor whose third dimension is the layers. */
export function slice(b: Builder, x: Tensor): Tensor {
  return b.graph.view(x, [x.n0, x.n1]);
}

/** Queries of every layer; keys and values of those that own a cache. */
function gemmaAttention(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph, tokens } = b;
  const { cachedLayerCount, slidingWindowLayers } = b.hyperparameters;
  // Frequencies of the file are for layers without a window.
  const rope = (y: Tensor) => slidingWindowLayers[layer] ? b.rope(y) : b.rope(y, layer);
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, queries, keyValues } = headsOf(b, layer);
  const heads = (y: Tensor, count: number) => graph.reshape(y, keyLength, count, tokens);
  const project = (name: string) => b.multiplyScaled(prefix + name, x);
  const norm = (name: string, y: Tensor) => b.norm(y, "rms", `${prefix}${name}_norm`);
  const q = rope(norm("q", heads(project("q"), queries)));
  if (layer >= cachedLayerCount) return attention(b, layer, { q });
  const keys = project("k");
  const values = b.has(`${prefix}v`) ? project("v") : keys;
  const k = rope(norm("k", heads(keys, keyValues)));
  const v = graph.rmsNorm(heads(values, keyValues));
  return attention(b, layer, { q, k, v });
}

/** A dense feed-forward beside the experts. */
function gemma4Feed(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const norm = (name: string, y: Tensor) => b.norm(y, "rms", prefix + name);
  const dense = feedForward(b, layer, norm("ffn_norm", x), "gelu");
  const router = `${prefix}ffn_gate_inp`;
  if (!b.has(router)) return dense;
  const input = norm("pre_ffw_norm_2", x);
  const weighed = graph.multiply(graph.scale(graph.rmsNorm(x)), b.need(`${router}.scale`));
  const logits = b.multiplyMatrix(router, weighed);
  const routed = mixtureOfExperts(b, layer, input, { logits, activation: "gelu" });
  return graph.add(norm("post_ffw_norm_1", dense), norm("post_ffw_norm_2", routed));
}

/** What a layer's own embedding adds to its result, through a gate. */
export function ownInput(b: Builder, layer: number, x: Tensor, perLayer: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const gate = graph.unary("GELU", b.multiplyMatrix(`${prefix}inp_gate`, x));
  const gated = graph.multiply(gate, slice(b, perLayer));
  return b.norm(b.multiplyMatrix(`${prefix}proj`, gated), "rms", `${prefix}post_norm`);
}

/** src/models/gemma4.cpp */
function buildGemma4(b: Builder): void {
  const { graph } = b;
  let x = begin(b, { prelude: "scale" });
  const perLayer = perLayerInputs(b, x);
  for (const layer of b.layers()) {
    const prefix = `blk.${layer}.`;
    const attended = gemmaAttention(b, layer, b.norm(x, "rms", `${prefix}attn_norm`));
    const middle = graph.add(b.norm(attended, "rms", `${prefix}post_attention_norm`), x);
    const fed = b.norm(gemma4Feed(b, layer, middle), "rms", `${prefix}post_ffw_norm`, -1);
    x = graph.add(fed, middle);
    if (perLayer !== undefined) x = graph.add(x, ownInput(b, layer, x, perLayer));
    const scale = b.weight(`${prefix}layer_output_scale`);
    if (scale !== undefined) x = graph.multiply(x, scale);
  }
  end(b, { lateOutputs: "after-norm" }, x);
}

/** Embeddings of each layer's own, `width` elements each. */
export function perLayerEmbedding(l: Loader, width: number): void {
  l.need("per_layer_token_embd.weight", width * l.layerCount, l.vocabulary);
  l.need("per_layer_model_proj.weight", l.embedding, width * l.layerCount);
  l.need("per_layer_proj_norm.weight", width);
}

/** What a layer does with its own. */
export function perLayerInput(layer: LayerLoader, width: number): void {
  layer.need("inp_gate.weight", layer.model.embedding, width);
  layer.need("proj.weight", width, layer.model.embedding);
  norm(layer, "post_norm");
}

/** Layers without a cache use that of the last one of their kind that has one. */
export function demandSharedCaches(l: Loader): void {
  const { cachedLayerCount: own, allLayerCount, slidingWindowLayers } = l.hyperparameters;
  l.demand(own >= 2, `${own} of its layers have a cache, and 2 are the least`);
  for (let layer = own; layer < allLayerCount; layer++) {
    const slides = slidingWindowLayers[layer] === true;
    const shared = own - (slides ? 2 : 1);
    l.demand(
      slidingWindowLayers[shared] === slides,
      `layer ${layer} uses the cache of layer ${shared}, and only one of them has a window`,
    );
  }
}

function demandGemma4Lengths(l: Loader): void {
  const alike = (key: unknown, value: unknown) =>
    l.demand(key === value, `its heads have ${key} elements of keys and ${value} of values`);
  alike(l.value("attention.key_length_swa"), l.value("attention.value_length_swa"));
  for (let layer = 0; layer < l.layerCount; layer++) {
    alike(l.keyLength(layer), l.valueLength(layer));
    demandRotation(l, layer);
  }
}

/** Experts beside the feed-forward that every layer has. */
function gemma4Experts(layer: LayerLoader): void {
  const { model: l } = layer;
  router(layer, OPTIONAL);
  if (!layer.has("ffn_gate_inp.weight")) return;
  layer.need("ffn_gate_inp.scale", l.embedding);
  norm(layer, "pre_ffw_norm_2");
  norm(layer, "post_ffw_norm_1");
  norm(layer, "post_ffw_norm_2");
  gateUpExperts(layer);
  layer.need("ffn_down_exps.weight", l.expertFeedForward(), l.embedding, l.experts);
}

const gemma4: Loads = (l) => {
  l.layerKey(WINDOW_PATTERN, l.layerCount);
  l.mayKey("attention.shared_kv_layers");
  l.mayKey("rope.freq_base_swa");
  l.mayLayerKey("expert_feed_forward_length");
  l.key("attention.sliding_window");
  l.key("attention.layer_norm_rms_epsilon");
  l.key("embedding_length_per_layer_input");
  l.key("attention.key_length_swa");
  l.key("attention.value_length_swa");
  l.mayKey("final_logit_softcapping");
  demandGemma4Lengths(l);
  demandSharedCaches(l);
  const { perLayerEmbeddingLength: perLayer, cachedLayerCount, slidingWindowLayers } =
    l.hyperparameters;
  embedding(l);
  outputOrTied(l);
  if (perLayer > 0) perLayerEmbedding(l, perLayer);
  for (const layer of l.layers()) {
    const { index } = layer;
    const cached = index < cachedLayerCount ? NEEDED : OPTIONAL;
    norm(layer, "attn_norm");
    layer.need("attn_q.weight", l.embedding, l.queries(index));
    layer.take(cached, "attn_k.weight", l.embedding, l.keys(index));
    layer.may("attn_v.weight", l.embedding, l.values(index));
    layer.need("attn_output.weight", l.queries(index), l.embedding);
    norm(layer, "attn_q_norm", l.keyLength(index));
    layer.take(cached, "attn_k_norm.weight", l.keyLength(index));
    norm(layer, "post_attention_norm");
    layer.may("layer_output_scale.weight", 1);
    if (!slidingWindowLayers[index]) {
      l.need("rope_freqs.weight", Math.floor(l.keyLength(index) / 2));
    }
    norm(layer, "ffn_norm");
    gatedFeedForward(layer, l.feedForward(index));
    norm(layer, "post_ffw_norm");
    gemma4Experts(layer);
    if (perLayer > 0) perLayerInput(layer, perLayer);
  }
};

export const ARCHITECTURES: Family = family({
  "gemma4": attentionCache("models/gemma4.cpp", {
    scales: { final_logit_softcapping: 30 },
    scalesFeedForward: true,
    graph: buildGemma4,
    loads: gemma4,
    slidingWindow: { pattern: "layers" },
    ownCaches: "less-shared",
    outputLoadedFirst: true,
    scalesExperts: true,
  }),
  "gemma4-assistant": attentionCache("models/gemma4-assistant.cpp", {
    purpose: "draft",
    slidingWindow: { pattern: "all-layers" },
    inputsOutputWidth: true,
  }),
});
