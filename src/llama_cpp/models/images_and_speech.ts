import {
  attention as attentionWeights,
  demandExperts,
  embedding,
  experts,
  expertSize,
  gatedFeedForward,
  headNorms,
  type Loads,
  mayFrequencies,
  norm,
  outputOrTied,
  router,
} from "../loading/blocks.ts";
import { demandHeads, demandSections } from "../loading/graph_demands.ts";
import type { LayerLoader, Loader } from "../loading/loader.ts";
import { attentionCache, type Family, family, noMemory } from "./architecture.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";
import { attention, projectQueryKeyValue } from "../graph/blocks/attention.ts";
import type { Builder } from "../graph/builder.ts";
import { F32, type Tensor } from "../ggml/tensor.ts";
import {
  buildTransformer,
  feed,
  GPT,
  keepOutputs,
  type LayerBuilder,
  QUERY_KEY_NORM,
  transformer,
  transformerLayer,
} from "../graph/transformer.ts";

/** Norms before or after, as the header says (src/models/chameleon.cpp). */
const chameleon: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const swaps = b.keys.flag("swin_norm") ?? false;
  const norm = (name: string, z: Tensor) => b.norm(z, "rms", `blk.${layer}.${name}`);
  const heads = projectQueryKeyValue(b, layer, swaps ? x : norm("attn_norm", x));
  // Queries and keys have layer norms where everything else is RMS.
  const prepare = (name: string, z: Tensor) => b.rope(b.has(name) ? b.norm(z, "layer", name) : z);
  const q = prepare(`blk.${layer}.attn_q_norm`, heads.q);
  const k = prepare(`blk.${layer}.attn_k_norm`, heads.k);
  const attended = attention(b, layer, { q, k, v: heads.v });
  let [y, residual] = keepOutputs(b, layer, [attended, x]);
  if (swaps) y = norm("attn_norm", y);
  const middle = graph.add(y, residual);
  y = feed(b, row, layer, swaps ? y : norm("ffn_norm", middle));
  return graph.add(swaps ? norm("ffn_norm", y) : y, middle);
};

/** The logits of image tokens are overwritten in a copy of all logits. */
function buildChameleon(b: Builder): void {
  const { graph } = b;
  const imageTokens = 8192;
  b.afterLogits = (logits) =>
    graph.like("SET", logits, graph.clamp(graph.leaf(F32, [imageTokens])));
  buildTransformer(b, {}, chameleon);
}

/** Images bring embeddings for the first layers' results (src/models/qwen3vl.cpp). */
const deepstack: LayerBuilder = (b, row, layer, x) => {
  const y = transformerLayer(b, row, layer, x);
  return layer < b.hyperparameters.deepstackLayerCount ? b.addImage(y) : y;
};

/** Logits of tokens without an output row are filled in. */
function buildDeepstack(b: Builder): void {
  const { graph } = b;
  b.afterLogits = (logits) => {
    const missing = b.need("token_embd").n1 - logits.n0;
    if (missing <= 0) return logits;
    const one = graph.scale(graph.view(b.need("output_norm"), [1]));
    return graph.concat(graph.repeat(one, missing, logits.n1), logits, 0);
  };
  buildTransformer(b, QUERY_KEY_NORM, deepstack);
}

const DEEPSTACK = { graph: buildDeepstack, positionsPerToken: 4, deepstack: "count" } as const;

const cogvlm: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true, square: true });
  const [width, queries, feedForward] = [l.embedding, l.queries(), l.feedForward()];
  embedding(l);
  outputOrTied(l);
  mayFrequencies(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
    for (const kind of ["attn", "vis_attn"]) {
      layer.need(`${kind}_qkv.weight`, width, 3 * queries);
      layer.need(`${kind}_output.weight`, queries, width);
    }
    layer.need("vis_gate.weight", width, feedForward);
    layer.need("vis_down.weight", feedForward, width);
    layer.need("vis_up.weight", width, feedForward);
  }
};

function qwen3VlKeys(l: Loader): void {
  l.mayKey("n_deepstack_layers");
  l.layerKey("rope.dimension_sections", 4);
  demandSections(l);
  l.key("attention.layer_norm_rms_epsilon");
  demandHeads(l, { rope: true });
}

function qwen3VlAttention(layer: LayerLoader): void {
  attentionWeights(layer, { keys: layer.model.values() });
  headNorms(layer);
  norm(layer, "ffn_norm");
}

const qwen3Vl: Loads = (l) => {
  qwen3VlKeys(l);
  embedding(l);
  outputOrTied(l);
  // What a reranker ends with.
  l.may("cls.output.weight", l.embedding, l.classes);
  for (const layer of l.layers()) {
    qwen3VlAttention(layer);
    gatedFeedForward(layer);
  }
};

const qwen3VlMoe: Loads = (l) => {
  qwen3VlKeys(l);
  l.mayLayerKey("expert_feed_forward_length");
  demandExperts(l);
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers()) {
    qwen3VlAttention(layer);
    router(layer);
    experts(layer, { size: expertSize(l) });
  }
};

/** llama.cpp overwrites logits of a batch that has none: all of a prompt but its end. */
const NEEDS_ALL_LOGITS = {
  why: "need the logits of all of a prompt, which only its end has",
  hint:
    `Use another model: llama.cpp ${LLAMA_CPP_VERSION} ends the process with this one; estimate still answers`,
};

/** Architectures that see images, and those that speak. */
export const ARCHITECTURES: Family = family({
  "chameleon": attentionCache("models/chameleon.cpp", {
    graph: buildChameleon,
    cannotRun: NEEDS_ALL_LOGITS,
  }),
  "cogvlm": attentionCache("models/cogvlm.cpp", {
    unusedWeights: /attn_qkv\.scale$|^rope_freqs/,
    graph: transformer({ lateOutputs: "never" }),
    loads: cogvlm,
  }),
  "qwen3vl": attentionCache("models/qwen3vl.cpp", { ...DEEPSTACK, loads: qwen3Vl }),
  "qwen3vlmoe": attentionCache("models/qwen3vlmoe.cpp", { ...DEEPSTACK, loads: qwen3VlMoe }),
  "qwen3tts": attentionCache("models/qwen3tts.cpp", { ...DEEPSTACK, purpose: "audio" }),
  "pockettts": attentionCache("models/pockettts.cpp", {
    graph: transformer(GPT),
    purpose: "audio",
  }),
  "wavtokenizer-dec": noMemory("models/wavtokenizer-dec.cpp", { purpose: "audio" }),
  "clip": noMemory("models/clip.cpp", { purpose: "encoder" }),
});
