import { attentionCache, type Family, family } from "./architecture.ts";
import { HEADER_EXPERTS, QUERY_KEY_NORM, transformer } from "../graph/transformer.ts";

/** The same where some layers look at a sliding window only. */
export const ARCHITECTURES: Family = family({
  "afmoe": attentionCache("models/afmoe.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      postNorms: true,
      rope: "step",
      gatedAttention: true,
    }),
    slidingWindow: { when: "window", pattern: { period: 4 } },
  }),
  "exaone-moe": attentionCache("models/exaone-moe.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, rope: "sliding" }),
    slidingWindow: { pattern: { period: 4 } },
    predictionLayersSkipped: true,
  }),
  "exaone4": attentionCache("models/exaone4.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      postNorms: true,
      rope: "sliding-or-all",
      onlyPostNorms: true,
    }),
    slidingWindow: { when: "64-layers", pattern: { period: 4 }, defaultWindow: 4096 },
    predictionLayersSkipped: true,
  }),
  "gemma2": attentionCache("models/gemma2.cpp", {
    graph: transformer({ postNorms: true }),
    slidingWindow: { pattern: { period: 2 }, defaultWindow: 4096 },
  }),
  "gemma3": attentionCache("models/gemma3.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, postNorms: true }),
    slidingWindow: { when: "window", pattern: { period: 6 } },
  }),
  "gpt-oss": attentionCache("models/openai-moe.cpp", {
    graph: transformer({
      gating: "softmax-weight",
      weightsNorm: false,
      lateOutputs: "before-norm",
    }),
    slidingWindow: { pattern: { period: 2 } },
  }),
  "granite_swa": attentionCache("models/granite-swa.cpp", {
    graph: transformer({ rope: "pattern", sharedActivation: "halves", deepstack: true }),
    slidingWindow: { pattern: "any-length" },
    deepstack: "mapping",
  }),
  "laguna": attentionCache("models/laguna.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, ...HEADER_EXPERTS, gatedAttention: true }),
    slidingWindow: { when: "window", pattern: { period: 4, denseFirst: true } },
    defaultSharedExperts: 1,
  }),
  "llama4": attentionCache("models/llama4.cpp", {
    graph: transformer({
      rope: "step-with-windows",
      queryKeyNorm: "plain-after-rope",
      attentionTemperature: "without-rope",
      gating: "sigmoid",
      weightsNorm: false,
      weighsFirst: true,
      selectsBy: "logits",
    }),
    slidingWindow: {
      kind: "chunked",
      when: "unless-zero",
      pattern: { period: 4 },
      fixedWindow: 8192,
    },
  }),
  "mellum": attentionCache("models/mellum.cpp", {
    graph: transformer(QUERY_KEY_NORM),
    slidingWindow: { when: "window", pattern: { period: 4, orLayers: true } },
    scalesExperts: true,
  }),
  "mimo2": attentionCache("models/mimo2.cpp", {
    graph: transformer({ gating: "sigmoid" }),
    slidingWindow: { pattern: "layers" },
    predictionLayersUncached: true,
    predictionLayersSkipped: true,
  }),
  "muse-glimmer": attentionCache("models/muse-glimmer.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      prelude: "norm",
      postNorms: true,
      rope: "sliding",
      gatedAttention: true,
    }),
    slidingWindow: { pattern: { period: 4, orLayers: true } },
  }),
  "olmo2": attentionCache("models/olmo2.cpp", {
    graph: transformer({ postNorms: true, onlyPostNorms: true, queryKeyNorm: "whole-rows" }),
    slidingWindow: { when: "window", pattern: { period: 4 } },
  }),
  "plamo3": attentionCache("models/plamo3.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, postNorms: true, activation: "halves" }),
    slidingWindow: { when: "window", pattern: { period: 8 } },
  }),
  "step35": attentionCache("models/step35.cpp", {
    graph: transformer({
      ...QUERY_KEY_NORM,
      ...HEADER_EXPERTS,
      gatedAttention: true,
      lateOutputs: "before-norm",
    }),
    slidingWindow: { pattern: "all-layers" },
    predictionLayersUncached: true,
    predictionLayersSkipped: true,
    halvesRope: true,
  }),
});
