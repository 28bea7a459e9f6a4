import type { Builder } from "../builder.ts";
import { buildTransformer, type TransformerRow } from "./transformer.ts";

const GPT: TransformerRow = { norm: "layer", activation: "plain" };
const QUERY_KEY_NORM: TransformerRow = { queryKeyNorm: "before-rope" };
const HEADER_EXPERTS: TransformerRow = { gating: "header", weightsNorm: "header" };

/**
 * Architectures whose layers are the plain one with these differences; each row's source is the
 * architecture's own file below src/models/.
 */
export const TRANSFORMER_ROWS: ReadonlyMap<string, TransformerRow> = new Map<
  string,
  TransformerRow
>([
  ["llama", { attentionTemperature: "header" }],
  ["arcee", { activation: "plain" }],
  ["bailingmoe", { weightsNorm: "header" }],
  ["bailingmoe2", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS }],
  ["bitnet", { attentionSubNorm: true }],
  ["bloom", { ...GPT, prelude: "norm", rope: "none" }],
  ["chatglm", { activation: "halves" }],
  ["codeshell", GPT],
  ["dbrx", { norm: "layer" }],
  ["deepseek", { weightsNorm: false }],
  ["dots1", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS }],
  ["dream", { withoutCache: true }],
  ["ernie4_5", {}],
  ["ernie4_5-moe", { routes: "step" }],
  ["exaone", {}],
  ["exaone4", { ...QUERY_KEY_NORM, postNorms: true, rope: "sliding-or-all", onlyPostNorms: true }],
  ["exaone-moe", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS, rope: "sliding" }],
  ["gemma", {}],
  ["gemma2", { postNorms: true }],
  ["gemma3", { ...QUERY_KEY_NORM, postNorms: true }],
  ["glm4", { postNorms: true, activation: "halves" }],
  ["gpt2", { ...GPT, prelude: "positions", rope: "none" }],
  ["gpt-oss", {
    gating: "softmax-weight",
    weightsNorm: false,
    lateOutputs: "before-norm",
  }],
  ["granite", { rope: "header", deepstack: true }],
  ["granitemoe", {}],
  ["minicpm", {}],
  ["hunyuan-dense", { queryKeyNorm: "after-rope" }],
  ["hunyuan-moe", { queryKeyNorm: "after-rope" }],
  ["hunyuan_vl", { queryKeyNorm: "after-rope" }],
  ["internlm2", {}],
  ["jais", { norm: "layer", rope: "none" }],
  ["jais2", { norm: "layer", activation: "plain" }],
  ["llada", { withoutCache: true }],
  ["llada-moe", { ...QUERY_KEY_NORM, withoutCache: true, weightsNorm: false }],
  ["llama4", {
    rope: "step",
    queryKeyNorm: "plain-after-rope",
    attentionTemperature: "without-rope",
    gating: "sigmoid",
    weightsNorm: false,
    weighsFirst: true,
    selectsBy: "logits",
  }],
  ["maincoder", QUERY_KEY_NORM],
  ["mellum", QUERY_KEY_NORM],
  ["minimax-m2", { queryKeyNorm: "whole-rows", gating: "header" }],
  ["mistral3", { attentionTemperature: "header" }],
  ["mpt", {
    ...GPT,
    prelude: "positions",
    rope: "none",
    queryKeyNorm: "whole-rows",
  }],
  ["nemotron", { norm: "layer", activation: "plain" }],
  ["olmo", { norm: "layer" }],
  ["olmo2", { postNorms: true, onlyPostNorms: true, queryKeyNorm: "whole-rows" }],
  ["olmoe", { queryKeyNorm: "whole-rows", weightsNorm: false }],
  ["openelm", { ...QUERY_KEY_NORM, residualFirst: true }],
  ["orion", { norm: "layer" }],
  ["paddleocr", {}],
  ["pangu-embedded", {}],
  ["phi3", { activation: "halves", lastResidualFirst: true }],
  ["phimoe", { activation: "halves", lastResidualFirst: true }],
  ["plamo3", { ...QUERY_KEY_NORM, postNorms: true, activation: "halves" }],
  ["pockettts", GPT],
  ["qwen", {}],
  ["qwen2", {}],
  ["qwen2vl", {}],
  ["qwen2moe", { weightsNorm: false }],
  ["qwen3", QUERY_KEY_NORM],
  ["qwen3moe", QUERY_KEY_NORM],
  ["refact", { rope: "none", routes: "never" }],
  ["rnd1", { ...QUERY_KEY_NORM, withoutCache: true }],
  ["seed_oss", {}],
  ["smollm3", { rope: "step" }],
  ["starcoder", { ...GPT, prelude: "positions", rope: "none" }],
  ["starcoder2", GPT],
  ["xverse", {}],
  ["afmoe", {
    ...QUERY_KEY_NORM,
    ...HEADER_EXPERTS,
    postNorms: true,
    rope: "step",
    gatedAttention: true,
  }],
  ["muse-glimmer", {
    ...QUERY_KEY_NORM,
    prelude: "norm",
    postNorms: true,
    rope: "sliding",
    gatedAttention: true,
  }],
  ["apertus", { ...QUERY_KEY_NORM, activation: "plain" }],
  ["glm4moe", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS }],
  ["granite_swa", { rope: "header", sharedActivation: "halves", deepstack: true }],
  ["hy_v3", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS, lateOutputs: "after-norm" }],
  ["laguna", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS, gatedAttention: true }],
  ["mimo2", { gating: "sigmoid" }],
  ["step35", {
    ...QUERY_KEY_NORM,
    ...HEADER_EXPERTS,
    gatedAttention: true,
    lateOutputs: "before-norm",
  }],
]);

/** One builder for each row. */
export const TRANSFORMER_BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map(
  [...TRANSFORMER_ROWS].map(([name, row]) => [name, (b: Builder) => buildTransformer(b, row)]),
);
