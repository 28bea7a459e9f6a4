import {
  attention,
  attentionOutput,
  gatedFeedForward,
  layerNorms,
  norm,
  normWithBias,
  outputNormWithBias,
  queryKeyValue,
  ungatedFeedForward,
} from "../loading/blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  OPTIONAL,
  type Presence,
} from "../loading/loader.ts";
import { loadsTransformer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { GPT, transformer } from "../graph/transformer.ts";

/** Queries, keys and values in one matrix. */
function fusedAttention(layer: LayerLoader, bias: Presence = NEEDED): void {
  const { model: l } = layer;
  const rows = l.embedding + 2 * l.values();
  layer.need("attn_qkv.weight", l.embedding, rows);
  layer.take(bias, "attn_qkv.bias", rows);
  layer.need("attn_output.weight", l.embedding, l.embedding);
  layer.take(bias, "attn_output.bias", l.embedding);
}

/** A layer after GPT-2's: biases everywhere. */
function gptLayer(layer: LayerLoader): void {
  normWithBias(layer, "attn_norm");
  fusedAttention(layer);
  normWithBias(layer, "ffn_norm");
  ungatedFeedForward(layer, NEEDED);
}

/** The same with queries, keys and values in one matrix or in three. */
function codeLayer(layer: LayerLoader): void {
  normWithBias(layer, "attn_norm");
  queryKeyValue(layer);
  layer.need("attn_output.weight", layer.model.embedding, layer.model.embedding);
  layer.need("attn_output.bias", layer.model.embedding);
  normWithBias(layer, "ffn_norm");
  ungatedFeedForward(layer, NEEDED);
}

function output(l: Loader): void {
  outputNormWithBias(l);
  l.need("output.weight", l.embedding, l.vocabulary);
}

function outputOrTied(l: Loader): void {
  outputNormWithBias(l);
  l.may("output.weight", l.embedding, l.vocabulary);
}

function positions(l: Loader, presence: Presence = NEEDED): void {
  const { trainContextLength } = l.hyperparameters;
  l.take(presence, "position_embd.weight", l.embedding, trainContextLength);
}

const gpt2 = loadsTransformer({
  norms: layerNorms,
  rotation: "none",
  square: true,
  more: (l) => {
    positions(l);
  },
  output: outputOrTied,
  layer: gptLayer,
});

const bloom = loadsTransformer({
  norms: layerNorms,
  rotation: "none",
  square: true,
  more: (l) => {
    l.need("token_embd_norm.weight", l.embedding);
    l.need("token_embd_norm.bias", l.embedding);
  },
  output: outputOrTied,
  layer: gptLayer,
});

const jais = loadsTransformer({
  norms: layerNorms,
  rotation: "none",
  square: true,
  more: (l) => {
    l.mayKey("attention.max_alibi_bias");
  },
  output,
  layer: (layer) => {
    const { model: l } = layer;
    gptLayer(layer);
    layer.need("ffn_gate.weight", l.embedding, l.feedForward());
    layer.need("ffn_gate.bias", l.feedForward());
  },
});

/** Biases as long as the embedding, on as many keys and values. */
const jais2 = loadsTransformer({
  norms: layerNorms,
  more: (l) => {
    const fill = l.queries() === l.embedding && l.keys() === l.embedding;
    l.demand(fill, "its biases of queries, keys and values aren't as long as they are");
  },
  output: outputOrTied,
  layer: (layer) => {
    normWithBias(layer, "attn_norm");
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"]) {
      layer.need(`${name}.weight`, layer.model.embedding, layer.model.embedding);
      layer.need(`${name}.bias`, layer.model.embedding);
    }
    normWithBias(layer, "ffn_norm");
    ungatedFeedForward(layer, NEEDED);
  },
});

/** Biases where the file has them. A norm of its queries ends the process. */
const mpt = loadsTransformer({
  square: true,
  norms: layerNorms,
  rotation: "none",
  more: (l) => {
    l.mayKey("attention.clamp_kqv");
    l.mayKey("attention.max_alibi_bias");
    positions(l, OPTIONAL);
  },
  output: (l) => {
    l.need("output_norm.weight", l.embedding);
    l.may("output_norm.bias", l.embedding);
    l.may("output.weight", l.embedding, l.vocabulary);
  },
  layer: (layer) => {
    const { model: l } = layer;
    norm(layer, "attn_norm");
    norm(layer, "ffn_norm");
    for (const name of ["attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"]) {
      layer.may(`${name}.bias`, l.embedding);
    }
    fusedAttention(layer, OPTIONAL);
    ungatedFeedForward(layer, OPTIONAL);
    layer.may("ffn.act.scales", l.feedForward());
    layer.may("attn_k_norm.weight", l.embedding);
    l.demand(!layer.has("attn_q_norm.weight"), "its queries have a norm and are one with its keys");
  },
});

const codeshell = loadsTransformer({
  norms: layerNorms,
  square: true,
  output,
  layer: codeLayer,
  tokens: (l) => void l.may("token_embd.weight", l.embedding, l.vocabulary),
});

const starcoder2 = loadsTransformer({
  norms: layerNorms,
  square: true,
  output: outputOrTied,
  layer: codeLayer,
});

const nemotron = loadsTransformer({
  norms: layerNorms,
  rotation: "part",
  square: true,
  output,
  layer: (layer) => {
    normWithBias(layer, "attn_norm");
    queryKeyValue(layer);
    attentionOutput(layer);
    normWithBias(layer, "ffn_norm");
    ungatedFeedForward(layer, OPTIONAL);
  },
});

const orion = loadsTransformer({
  norms: layerNorms,
  square: true,
  output,
  layer: (layer) => {
    attention(layer);
    layer.need("attn_norm.bias", layer.model.embedding);
    normWithBias(layer, "ffn_norm");
    gatedFeedForward(layer);
  },
});

/** Norms without weights. */
const olmo = loadsTransformer({
  norms: layerNorms,
  square: true,
  more: (l) => {
    l.mayKey("attention.clamp_kqv");
  },
  output: (l) => void l.may("output.weight", l.embedding, l.vocabulary),
  layer: (layer) => {
    queryKeyValue(layer);
    layer.need("attn_output.weight", layer.model.embedding, layer.model.embedding);
    gatedFeedForward(layer);
  },
});

/** Text from attention alone, on layers with layer norms, as GPT-2's are. */
export const ARCHITECTURES: Family = family({
  "bloom": attentionCache("models/bloom.cpp", {
    graph: transformer({ ...GPT, prelude: "norm", rope: "none" }),
    alibi: "always",
    loads: bloom,
  }),
  "codeshell": attentionCache("models/codeshell.cpp", {
    graph: transformer(GPT),
    embeddingIsOutput: true,
    loads: codeshell,
  }),
  "gpt2": attentionCache("models/gpt2.cpp", {
    graph: transformer({ ...GPT, prelude: "positions", rope: "none" }),
    loads: gpt2,
  }),
  "jais": attentionCache("models/jais.cpp", {
    graph: transformer({ norm: "layer", rope: "none" }),
    alibi: "max-alibi-bias",
    loads: jais,
  }),
  "jais2": attentionCache("models/jais2.cpp", {
    graph: transformer({ norm: "layer", activation: "relu-squared" }),
    loads: jais2,
  }),
  "mpt": attentionCache("models/mpt.cpp", {
    clampsProjections: true,
    graph: transformer({
      ...GPT,
      prelude: "positions",
      rope: "none",
      queryKeyNorm: "whole-rows",
    }),
    alibi: "max-alibi-bias",
    loads: mpt,
  }),
  "nemotron": attentionCache("models/nemotron.cpp", {
    graph: transformer({ norm: "layer", activation: "relu-squared" }),
    loads: nemotron,
  }),
  "olmo": attentionCache("models/olmo.cpp", {
    clampsProjections: true,
    graph: transformer({ norm: "layer" }),
    loads: olmo,
  }),
  "orion": attentionCache("models/orion.cpp", {
    graph: transformer({ norm: "layer" }),
    loads: orion,
  }),
  "starcoder": attentionCache("models/starcoder.cpp", {
    graph: transformer({ ...GPT, prelude: "positions", rope: "none" }),
    loads: gpt2,
  }),
  "starcoder2": attentionCache("models/starcoder2.cpp", {
    graph: transformer(GPT),
    loads: starcoder2,
  }),
});
