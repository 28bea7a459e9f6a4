import {
  attention,
  attentionOutput,
  demandHeads,
  embedding,
  experts,
  feedForwardBiases,
  gatedFeedForward,
  headNorms,
  type Loads,
  longRopeFactors,
  norm,
  output,
  outputOrTied,
  predictionHead,
  queryKeyValue,
  rmsNorms,
  ropeFactors,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandRotation, demandSections } from "../loading/graph_demands.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  type Presence,
} from "../loading/loader.ts";
import { type LoadsLayer, loadsTransformer, normedLayer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { buildTransformer, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** Layers with biases where the file has them, and either one feed-forward or a mixture of them. */
function llamaLayer(layer: LayerLoader, sharedLength = 0): void {
  const l = layer.model;
  norm(layer, "attn_norm");
  queryKeyValue(layer);
  attentionOutput(layer);
  norm(layer, "ffn_norm");
  if (l.experts === 0) {
    gatedFeedForward(layer);
    feedForwardBiases(layer);
    return;
  }
  router(layer);
  experts(layer, { size: l.feedForward(), gate: OPTIONAL });
  if (sharedLength > 0) sharedExperts(layer, sharedLength);
}

const llama = loadsTransformer({ more: ropeFactors, layer: (layer) => llamaLayer(layer) });

/** No rope; experts are loaded and not used. */
const refact = loadsTransformer({
  rotation: "none",
  more: ropeFactors,
  layer: (layer) => llamaLayer(layer),
});

function scales(l: Loader): void {
  l.mayKey("residual_scale");
  l.mayKey("embedding_scale");
}

const minicpm = loadsTransformer({
  more: (l) => {
    scales(l);
    l.mayKey("logit_scale");
    ropeFactors(l);
  },
  layer: (layer) => llamaLayer(layer),
});

/** The same with experts that every token passes. */
const graniteMoe = loadsTransformer({
  more: (l) => {
    l.key("logit_scale");
    scales(l);
    l.mayKey("attention.scale");
    l.mayKey("expert_shared_feed_forward_length");
    ropeFactors(l);
  },
  layer: (layer) => llamaLayer(layer, layer.model.hyperparameters.experts.sharedFeedForwardLength),
});

const granite: Loads = (l) => {
  l.mayArray("deepstack_mapping");
  const mapping = l.value("deepstack_mapping");
  const indices = typeof mapping === "object" ? mapping.values ?? [] : [];
  const count = l.hyperparameters.deepstackLayerCount;
  const beyond = indices.find((index) => Number(index) > count);
  l.demand(beyond === undefined, `a layer wants image ${beyond}, and each has ${count}`);
  graniteMoe(l);
};

const mistral3 = loadsTransformer({
  more: (l) => {
    l.mayKey("attention.temperature_scale");
    l.mayKey("rope.scaling.yarn_beta_fast");
    l.mayKey("rope.scaling.yarn_beta_slow");
    l.mayKey("rope.scaling.yarn_log_multiplier");
    l.demand(
      !l.value("attention.temperature_scale") ||
        l.value("rope.scaling.original_context_length") !== 0,
      "it scales attention by its position in an original context of no tokens",
    );
    ropeFactors(l);
  },
  layer: (layer) => llamaLayer(layer),
});

function outputWithBias(l: Loader): void {
  outputOrTied(l);
  l.may("output.bias", l.vocabulary);
}

const qwen2 = loadsTransformer({ square: true, output: outputWithBias });

/** The same; what norms add isn't read. */
const qwen2vl: Loads = loadsTransformer({
  square: true,
  norms: (l) => l.layerKey("rope.dimension_sections", 4),
  more: (l) => {
    demandSections(l);
  },
  output: outputWithBias,
});

const qwen3 = loadsTransformer({
  // What a reranker ends with.
  more: (l) => void l.may("cls.output.weight", l.embedding, l.classes),
  layer: normedLayer,
});

/** The embedding is the output. */
function tiedOutput(l: Loader): void {
  l.need("output_norm.weight", l.embedding);
}

const gemma = loadsTransformer({ rotation: "part", output: tiedOutput });

const internlm2 = loadsTransformer({ square: true, output });

/** Sections of a head for the rows and columns of images. */
function maySections(l: Loader): void {
  l.mayLayerKey("rope.dimension_sections", 4);
}

const hunyuan = loadsTransformer({ more: maySections, layer: normedLayer });

const ernieLayer: LoadsLayer = (layer) => {
  norm(layer, "attn_norm");
  queryKeyValue(layer);
  attentionOutput(layer);
  norm(layer, "ffn_norm");
  gatedFeedForward(layer);
};

const ernie = loadsTransformer({ more: maySections, layer: ernieLayer });

const paddleocr = loadsTransformer({
  more: (l) => {
    maySections(l);
    demandSections(l);
  },
  layer: ernieLayer,
});

/** Frequencies, whatever scales rope. */
function mayFrequencies(l: Loader): void {
  l.may("rope_freqs.weight", Math.floor(l.rope() / 2));
}

const exaone = loadsTransformer({ more: mayFrequencies });

/** A feed-forward without gate. */
function plainFeedForward(layer: LayerLoader): void {
  const width = layer.model.embedding;
  layer.need("ffn_down.weight", layer.model.feedForward(), width);
  layer.need("ffn_up.weight", width, layer.model.feedForward());
}

const arcee = loadsTransformer({
  more: mayFrequencies,
  layer: (layer) => {
    attention(layer);
    norm(layer, "ffn_norm");
    plainFeedForward(layer);
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
    plainFeedForward(layer);
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

const pangu = loadsTransformer({
  more: ropeFactors,
  layer: (layer) => {
    attention(layer);
    layer.need("attn_output.bias", layer.model.embedding);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
  },
});

const seedOss = loadsTransformer({
  layer: (layer) => {
    attention(layer);
    norm(layer, "post_attention_norm");
    gatedFeedForward(layer);
  },
});

/** Heads of its own for each query, and a feed-forward of half the size that the header says. */
const qwen = loadsTransformer({
  rotation: "part",
  square: true,
  output,
  layer: (layer) => {
    const { embedding: width } = layer.model;
    norm(layer, "attn_norm");
    layer.need("attn_qkv.weight", width, 3 * width);
    layer.need("attn_qkv.bias", 3 * width);
    layer.need("attn_output.weight", width, width);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer, Math.floor(layer.model.feedForward() / 2));
  },
});

/** Each layer has as many heads as the header says for it. */
const openelm: Loads = (l) => {
  rmsNorms(l);
  l.demand(l.keyLength() === l.valueLength(), "its heads aren't as long for values as for keys");
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

/** Text from attention alone, on layers that differ from the plain one in what their row says. */
export const ARCHITECTURES: Family = family({
  "apertus": attentionCache("models/apertus.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, activation: "plain" }),
    loads: apertus,
  }),
  "arcee": attentionCache("models/arcee.cpp", {
    graph: transformer({ activation: "plain" }),
    loads: arcee,
  }),
  "baichuan": attentionCache("models/baichuan.cpp", {
    graph: (b) => buildTransformer(b, b.hyperparameters.layerCount === 32 ? {} : { rope: "none" }),
    alibi: "40-layers",
    loads: internlm2,
  }),
  "bitnet": attentionCache("models/bitnet.cpp", {
    graph: transformer({ attentionSubNorm: true }),
    loads: bitnet,
  }),
  "chatglm": attentionCache("models/chatglm.cpp", {
    graph: transformer({ activation: "halves" }),
    loads: chatglm,
  }),
  "ernie4_5": attentionCache("models/ernie4-5.cpp", { graph: transformer(), loads: ernie }),
  "exaone": attentionCache("models/exaone.cpp", { graph: transformer(), loads: exaone }),
  "gemma": attentionCache("models/gemma.cpp", { graph: transformer(), loads: gemma }),
  "glm4": attentionCache("models/glm4.cpp", {
    graph: transformer({ postNorms: true, activation: "halves" }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
    loads: glm4,
  }),
  "granite": attentionCache("models/granite.cpp", {
    graph: transformer({ rope: "finetuned", deepstack: true }),
    deepstack: "mapping",
    loads: granite,
  }),
  "granitemoe": attentionCache("models/granite-moe.cpp", {
    graph: transformer(),
    loads: graniteMoe,
  }),
  "hunyuan-dense": attentionCache("models/hunyuan-dense.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    singleExpertIsDense: true,
    loads: hunyuan,
  }),
  "hunyuan_vl": attentionCache("models/hunyuan-vl.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    positionsPerToken: "by-sections",
    singleExpertIsDense: true,
    loads: hunyuan,
  }),
  "internlm2": attentionCache("models/internlm2.cpp", { graph: transformer(), loads: internlm2 }),
  "llama": attentionCache("models/llama.cpp", {
    graph: transformer({ attentionTemperature: "header" }),
    scalesExperts: true,
    loads: llama,
  }),
  "maincoder": attentionCache("models/maincoder.cpp", {
    graph: transformer(QUERY_KEY_NORM),
    loads: loadsTransformer({ layer: normedLayer }),
  }),
  "minicpm": attentionCache("models/minicpm.cpp", {
    graph: transformer(),
    scalesExperts: true,
    loads: minicpm,
  }),
  "mistral3": attentionCache("models/mistral3.cpp", {
    graph: transformer({ attentionTemperature: "header" }),
    scalesExperts: true,
    loads: mistral3,
  }),
  "openelm": attentionCache("models/openelm.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, residualFirst: true }),
    loads: openelm,
  }),
  "paddleocr": attentionCache("models/paddleocr.cpp", {
    graph: transformer(),
    positionsPerToken: 4,
    loads: paddleocr,
  }),
  "pangu-embedded": attentionCache("models/pangu-embed.cpp", {
    graph: transformer(),
    loads: pangu,
  }),
  "phi3": attentionCache("models/phi3.cpp", {
    graph: transformer({ activation: "halves", lastResidualFirst: true }),
    loads: phi3,
  }),
  "qwen": attentionCache("models/qwen.cpp", { graph: transformer(), loads: qwen }),
  "qwen2": attentionCache("models/qwen2.cpp", { graph: transformer(), loads: qwen2 }),
  "qwen2vl": attentionCache("models/qwen2vl.cpp", {
    graph: transformer(),
    positionsPerToken: 4,
    loads: qwen2vl,
  }),
  "qwen3": attentionCache("models/qwen3.cpp", { graph: transformer(QUERY_KEY_NORM), loads: qwen3 }),
  "refact": attentionCache("models/refact.cpp", {
    graph: transformer({ rope: "none", routes: "never" }),
    alibi: "always",
    loads: refact,
  }),
  "seed_oss": attentionCache("models/seed-oss.cpp", { graph: transformer(), loads: seedOss }),
  "smollm3": attentionCache("models/smollm3.cpp", {
    graph: transformer({ rope: "step" }),
    loads: loadsTransformer(),
  }),
  "xverse": attentionCache("models/xverse.cpp", { graph: transformer(), loads: internlm2 }),
});
