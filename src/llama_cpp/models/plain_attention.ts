import {
  attention,
  attentionOutput,
  feedForwardOrExperts,
  gatedFeedForward,
  type Loads,
  maySections,
  norm,
  output,
  outputOrTied,
  queryKeyValue,
  ropeFactors,
  tiedOutput,
} from "../loading/blocks.ts";
import { mayDeepstack } from "../loading/deepstack.ts";
import { demandSections } from "../loading/graph_demands.ts";
import { type LayerLoader, type Loader } from "../loading/loader.ts";
import { type LoadsLayer, loadsTransformer, normedLayer } from "../loading/transformer.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import { buildTransformer, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** Layers with biases where the file has them, and either one feed-forward or a mixture of them. */
function llamaLayer(layer: LayerLoader, sharedLength = 0): void {
  norm(layer, "attn_norm");
  queryKeyValue(layer);
  attentionOutput(layer);
  norm(layer, "ffn_norm");
  feedForwardOrExperts(layer, sharedLength);
}

const llama = loadsTransformer({ more: ropeFactors, layer: (layer) => llamaLayer(layer) });

/** No rope; experts are loaded and not used. */
const refact = loadsTransformer({
  rotation: "none",
  more: ropeFactors,
  layer: (layer) => llamaLayer(layer),
});

/** Scales of the stream; the graph takes each layer's own number of heads, the weights the first's. */
function scales(l: Loader): void {
  l.mayKey("residual_scale");
  l.mayKey("embedding_scale");
  const other = l.hyperparameters.headCounts.slice(0, l.layerCount)
    .find((count) => count !== l.heads());
  l.demand(other === undefined, `its layers have ${l.heads()} heads, or ${other}`);
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
  mayDeepstack(l);
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
  more: demandSections,
  output: outputWithBias,
});

const qwen3 = loadsTransformer({
  // What a reranker ends with.
  more: (l) => void l.may("cls.output.weight", l.embedding, l.classes),
  layer: normedLayer,
});

const gemma = loadsTransformer({ rotation: "part", output: tiedOutput });

const internlm2 = loadsTransformer({ square: true, output });

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

/** Text from attention alone, on layers with the weights of Llama's and Qwen's. */
export const ARCHITECTURES: Family = family({
  "baichuan": attentionCache("models/baichuan.cpp", {
    graph: (b) => buildTransformer(b, b.hyperparameters.layerCount === 32 ? {} : { rope: "none" }),
    alibi: "40-layers",
    loads: internlm2,
  }),
  "ernie4_5": attentionCache("models/ernie4-5.cpp", {
    unusedWeights: /attn_output\.bias$/,
    graph: transformer(),
    loads: ernie,
  }),
  "gemma": attentionCache("models/gemma.cpp", {
    graph: transformer({ activation: "gelu", prelude: "scale", scalesQueries: true }),
    loads: gemma,
  }),
  "granite": attentionCache("models/granite.cpp", {
    scales: { embedding_scale: 0, residual_scale: 0, logit_scale: 0 },
    graph: transformer({ rope: "finetuned", deepstack: true }),
    deepstack: "mapping",
    loads: granite,
  }),
  "granitemoe": attentionCache("models/granite-moe.cpp", {
    scales: { embedding_scale: 0, residual_scale: 0, logit_scale: 0 },
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
    scalesFeedForward: true,
    graph: transformer(),
    scalesExperts: true,
    loads: llama,
  }),
  "maincoder": attentionCache("models/maincoder.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    loads: loadsTransformer({ layer: normedLayer }),
  }),
  "minicpm": attentionCache("models/minicpm.cpp", {
    scales: { embedding_scale: 12, residual_scale: 1, logit_scale: 1 },
    graph: transformer(),
    loads: minicpm,
  }),
  "mistral3": attentionCache("models/mistral3.cpp", {
    scalesFeedForward: true,
    graph: transformer({ attentionTemperature: "header" }),
    scalesExperts: true,
    loads: mistral3,
  }),
  "paddleocr": attentionCache("models/paddleocr.cpp", {
    graph: transformer(),
    positionsPerToken: 4,
    loads: paddleocr,
  }),
  "pangu-embedded": attentionCache("models/pangu-embed.cpp", {
    unusedWeights: /rope_f/,
    graph: transformer(),
    loads: pangu,
  }),
  "qwen": attentionCache("models/qwen.cpp", { graph: transformer(), loads: qwen }),
  "qwen2": attentionCache("models/qwen2.cpp", { graph: transformer(), loads: qwen2 }),
  "qwen2vl": attentionCache("models/qwen2vl.cpp", {
    unusedWeights: /^output\.bias$/,
    graph: transformer(),
    positionsPerToken: 4,
    loads: qwen2vl,
  }),
  "qwen3": attentionCache("models/qwen3.cpp", {
    scalesFeedForward: true,
    graph: transformer(QUERY_KEY_NORM),
    loads: qwen3,
  }),
  "refact": attentionCache("models/refact.cpp", {
    unusedWeights: /(attn_output|ffn_\w+)\.bias$|rope_freqs/,
    graph: transformer({ rope: "none", routes: "never" }),
    alibi: "always",
    loads: refact,
  }),
  "seed_oss": attentionCache("models/seed-oss.cpp", {
    graph: transformer({ norms: { feed: "post_attention_norm" } }),
    loads: seedOss,
  }),
  "smollm3": attentionCache("models/smollm3.cpp", {
    graph: transformer({ rope: "step" }),
    loads: loadsTransformer(),
  }),
  "xverse": attentionCache("models/xverse.cpp", { graph: transformer(), loads: internlm2 }),
});
