import {
  attentionOutput,
  embedding,
  experts,
  feedForwardBiases,
  gatedFeedForward,
  type Loads,
  norm,
  outputOrTied,
  queryKeyValue,
  ropeFactors,
  router,
} from "../loading/blocks.ts";
import { OPTIONAL } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import {
  buildTransformer,
  GPT,
  HEADER_EXPERTS,
  QUERY_KEY_NORM,
  transformer,
} from "../graph/transformer.ts";

/** The keys and weights of most: RMS norms, a gated feed-forward, the embedding as output. */
const llama: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  embedding(l);
  outputOrTied(l);
  ropeFactors(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    queryKeyValue(layer);
    attentionOutput(layer);
    norm(layer, "ffn_norm");
    if (l.experts === 0) {
      gatedFeedForward(layer);
      feedForwardBiases(layer);
      continue;
    }
    router(layer);
    experts(layer, { size: l.feedForward(), gate: OPTIONAL });
  }
};

/** The same with a norm of each head's queries and keys. */
const qwen3: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  embedding(l);
  outputOrTied(l);
  // What a reranker ends with.
  l.may("cls.output.weight", l.embedding, l.classes);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    queryKeyValue(layer);
    attentionOutput(layer);
    norm(layer, "attn_q_norm", l.keyLength());
    norm(layer, "attn_k_norm", l.keyLength());
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
  }
};

/** Text from attention alone, on layers that differ from the plain one in what their row says. */
export const ARCHITECTURES: Family = family({
  "apertus": attentionCache("models/apertus.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, activation: "plain" }),
  }),
  "arcee": attentionCache("models/arcee.cpp", { graph: transformer({ activation: "plain" }) }),
  "baichuan": attentionCache("models/baichuan.cpp", {
    graph: (b) => buildTransformer(b, b.hyperparameters.layerCount === 32 ? {} : { rope: "none" }),
    alibi: "40-layers",
  }),
  "bailingmoe": attentionCache("models/bailingmoe.cpp", {
    graph: transformer({ weightsNorm: "header" }),
  }),
  "bailingmoe2": attentionCache("models/bailingmoe2.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    predictionLayersSkipped: true,
  }),
  "bitnet": attentionCache("models/bitnet.cpp", { graph: transformer({ attentionSubNorm: true }) }),
  "bloom": attentionCache("models/bloom.cpp", {
    graph: transformer({ ...GPT, prelude: "norm", rope: "none" }),
    alibi: "always",
  }),
  "chatglm": attentionCache("models/chatglm.cpp", { graph: transformer({ activation: "halves" }) }),
  "codeshell": attentionCache("models/codeshell.cpp", {
    graph: transformer(GPT),
    embeddingIsOutput: true,
  }),
  "dbrx": attentionCache("models/dbrx.cpp", { graph: transformer({ norm: "layer" }) }),
  "deepseek": attentionCache("models/deepseek.cpp", { graph: transformer({ weightsNorm: false }) }),
  "dots1": attentionCache("models/dots1.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
  }),
  "ernie4_5": attentionCache("models/ernie4-5.cpp", { graph: transformer() }),
  "ernie4_5-moe": attentionCache("models/ernie4-5-moe.cpp", {
    graph: transformer({ routes: "step" }),
  }),
  "exaone": attentionCache("models/exaone.cpp", { graph: transformer() }),
  "gemma": attentionCache("models/gemma.cpp", { graph: transformer() }),
  "glm4": attentionCache("models/glm4.cpp", {
    graph: transformer({ postNorms: true, activation: "halves" }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
  }),
  "glm4moe": attentionCache("models/glm4-moe.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS }),
    predictionLayersSkipped: true,
    positionsPerToken: "by-sections",
  }),
  "gpt2": attentionCache("models/gpt2.cpp", {
    graph: transformer({ ...GPT, prelude: "positions", rope: "none" }),
  }),
  "granite": attentionCache("models/granite.cpp", {
    graph: transformer({ rope: "finetuned", deepstack: true }),
    deepstack: "mapping",
  }),
  "granitemoe": attentionCache("models/granite-moe.cpp", { graph: transformer() }),
  "hunyuan-dense": attentionCache("models/hunyuan-dense.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    singleExpertIsDense: true,
  }),
  "hunyuan-moe": attentionCache("models/hunyuan-moe.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
  }),
  "hunyuan_vl": attentionCache("models/hunyuan-vl.cpp", {
    graph: transformer({ queryKeyNorm: "after-rope" }),
    positionsPerToken: "by-sections",
    singleExpertIsDense: true,
  }),
  "hy_v3": attentionCache("models/hy-v3.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, lateOutputs: "after-norm" }),
    predictionLayersUncached: true,
    predictionLayersSkipped: true,
    scalesExperts: true,
  }),
  "internlm2": attentionCache("models/internlm2.cpp", { graph: transformer() }),
  "jais": attentionCache("models/jais.cpp", {
    graph: transformer({ norm: "layer", rope: "none" }),
    alibi: "max-alibi-bias",
  }),
  "jais2": attentionCache("models/jais2.cpp", {
    graph: transformer(GPT),
  }),
  "llama": attentionCache("models/llama.cpp", {
    graph: transformer({ attentionTemperature: "header" }),
    loads: llama,
    scalesExperts: true,
  }),
  "maincoder": attentionCache("models/maincoder.cpp", { graph: transformer(QUERY_KEY_NORM) }),
  "minicpm": attentionCache("models/minicpm.cpp", { graph: transformer(), scalesExperts: true }),
  "minimax-m2": attentionCache("models/minimax-m2.cpp", {
    graph: transformer({ queryKeyNorm: "whole-rows", gating: "header" }),
  }),
  "mistral3": attentionCache("models/mistral3.cpp", {
    graph: transformer({ attentionTemperature: "header" }),
    scalesExperts: true,
  }),
  "mpt": attentionCache("models/mpt.cpp", {
    graph: transformer({
      ...GPT,
      prelude: "positions",
      rope: "none",
      queryKeyNorm: "whole-rows",
    }),
    alibi: "max-alibi-bias",
  }),
  "nemotron": attentionCache("models/nemotron.cpp", {
    graph: transformer(GPT),
  }),
  "olmo": attentionCache("models/olmo.cpp", { graph: transformer({ norm: "layer" }) }),
  "olmoe": attentionCache("models/olmoe.cpp", {
    graph: transformer({ queryKeyNorm: "whole-rows", weightsNorm: false }),
  }),
  "openelm": attentionCache("models/openelm.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, residualFirst: true }),
  }),
  "orion": attentionCache("models/orion.cpp", { graph: transformer({ norm: "layer" }) }),
  "paddleocr": attentionCache("models/paddleocr.cpp", {
    graph: transformer(),
    positionsPerToken: 4,
  }),
  "pangu-embedded": attentionCache("models/pangu-embed.cpp", { graph: transformer() }),
  "phi3": attentionCache("models/phi3.cpp", {
    graph: transformer({ activation: "halves", lastResidualFirst: true }),
  }),
  "phimoe": attentionCache("models/phimoe.cpp", {
    graph: transformer({ activation: "halves", lastResidualFirst: true }),
  }),
  "qwen": attentionCache("models/qwen.cpp", { graph: transformer() }),
  "qwen2": attentionCache("models/qwen2.cpp", { graph: transformer() }),
  "qwen2moe": attentionCache("models/qwen2moe.cpp", { graph: transformer({ weightsNorm: false }) }),
  "qwen2vl": attentionCache("models/qwen2vl.cpp", { graph: transformer(), positionsPerToken: 4 }),
  "qwen3": attentionCache("models/qwen3.cpp", { graph: transformer(QUERY_KEY_NORM), loads: qwen3 }),
  "qwen3moe": attentionCache("models/qwen3moe.cpp", {
    graph: transformer(QUERY_KEY_NORM),
    scalesExperts: true,
  }),
  "refact": attentionCache("models/refact.cpp", {
    graph: transformer({ rope: "none", routes: "never" }),
    alibi: "always",
  }),
  "seed_oss": attentionCache("models/seed-oss.cpp", { graph: transformer() }),
  "smollm3": attentionCache("models/smollm3.cpp", { graph: transformer({ rope: "step" }) }),
  "starcoder": attentionCache("models/starcoder.cpp", {
    graph: transformer({ ...GPT, prelude: "positions", rope: "none" }),
  }),
  "starcoder2": attentionCache("models/starcoder2.cpp", { graph: transformer(GPT) }),
  "xverse": attentionCache("models/xverse.cpp", { graph: transformer() }),
});
