import type { Builder } from "../builder.ts";
import { buildTransformer, type TransformerRow } from "./transformer.ts";

const GPT: TransformerRow = { norm: "layer", activation: "plain" };
const QUERY_KEY_NORM: TransformerRow = { queryKeyNorm: "before-rope" };
const GEMMA: TransformerRow = { prelude: "scale", scalesQuery: true };
const POST_NORMS: TransformerRow = {
  attentionPostNorm: "post_attention_norm",
  feedForwardPostNorm: "post_ffw_norm",
};
const HEADER_EXPERTS: TransformerRow = { gating: "header", weightsNorm: "header" };
const GRANITE: TransformerRow = { residualScale: true, logitScales: 1 };

/**
 * Architectures whose layers are the plain one with these differences; each row's source is the
 * architecture's own file below src/models/.
 */
export const TRANSFORMER_ROWS: ReadonlyMap<string, TransformerRow> = new Map<
  string,
  TransformerRow
>([
  ["llama", { attentionTemperature: "header" }],
  ["arcee", { activation: "squared" }],
  ["arctic", {}],
  ["baichuan", {}],
  ["bailingmoe", { weightsNorm: "header" }],
  ["bailingmoe2", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS }],
  ["bitnet", { attentionSubNorm: true, feedForwardSubNorm: true }],
  ["bloom", { ...GPT, prelude: "norm", rope: "none" }],
  ["chameleon", QUERY_KEY_NORM],
  ["chatglm", { activation: "halves" }],
  ["codeshell", GPT],
  ["cogvlm", {}],
  ["dbrx", { norm: "layer", feedForwardNorm: "attn_output_norm" }],
  ["deepseek", { weightsNorm: false }],
  ["dots1", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS }],
  ["dream", { withoutCache: true }],
  ["ernie4_5", {}],
  ["ernie4_5-moe", {}],
  ["exaone", {}],
  ["exaone4", { ...QUERY_KEY_NORM, ...POST_NORMS, rope: "sliding-or-all", onlyPostNorms: true }],
  ["exaone-moe", { ...QUERY_KEY_NORM, ...HEADER_EXPERTS, rope: "sliding" }],
  ["gemma", GEMMA],
  ["gemma2", { ...GEMMA, ...POST_NORMS, logitScales: 3 }],
  ["gemma3", { ...GEMMA, ...QUERY_KEY_NORM, ...POST_NORMS }],
  ["glm4", { ...POST_NORMS, activation: "halves" }],
  ["gpt2", { ...GPT, prelude: "positions", rope: "none" }],
  ["gpt-oss", {
    feedForwardNorm: "post_attention_norm",
    gating: "softmax-weight",
    weightsNorm: false,
    lateOutputs: true,
  }],
  ["granite", GRANITE],
  ["granitemoe", GRANITE],
  ["minicpm", GRANITE],
  ["hunyuan-dense", { queryKeyNorm: "after-rope" }],
  ["hunyuan-moe", { queryKeyNorm: "after-rope" }],
  ["hunyuan_vl", { queryKeyNorm: "after-rope" }],
  ["internlm2", {}],
  ["jais", { norm: "layer", rope: "none" }],
  ["jais2", { norm: "layer", activation: "squared" }],
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
  ["nemotron", { norm: "layer", activation: "squared" }],
  ["olmo", { norm: "layer", plainNorms: true }],
  ["olmo2", { ...POST_NORMS, onlyPostNorms: true, queryKeyNorm: "whole-rows" }],
  ["olmoe", { queryKeyNorm: "whole-rows", weightsNorm: false }],
  ["openelm", { ...QUERY_KEY_NORM, residualFirst: true }],
  ["orion", { norm: "layer" }],
  ["paddleocr", {}],
  ["pangu-embedded", {}],
  ["phi3", { scalesQuery: true, activation: "halves", lastResidualFirst: true }],
  ["phimoe", { scalesQuery: true, activation: "halves", lastResidualFirst: true }],
  ["plamo3", { ...QUERY_KEY_NORM, ...POST_NORMS, activation: "halves" }],
  ["pockettts", GPT],
  ["qwen", {}],
  ["qwen2", {}],
  ["qwen2vl", {}],
  ["qwen2moe", { weightsNorm: false }],
  ["qwen3", QUERY_KEY_NORM],
  ["qwen3moe", QUERY_KEY_NORM],
  ["refact", { rope: "none" }],
  ["rnd1", { ...QUERY_KEY_NORM, withoutCache: true }],
  ["seed_oss", { feedForwardNorm: "post_attention_norm" }],
  ["smollm3", { rope: "step" }],
  ["starcoder", { ...GPT, prelude: "positions", rope: "none" }],
  ["starcoder2", GPT],
  ["xverse", {}],
  ["afmoe", {
    ...QUERY_KEY_NORM,
    ...POST_NORMS,
    ...HEADER_EXPERTS,
    prelude: "scale",
    rope: "step",
    gatedAttention: true,
  }],
  ["muse-glimmer", {
    ...QUERY_KEY_NORM,
    ...POST_NORMS,
    prelude: "plain-norm",
    rope: "sliding",
    gatedAttention: true,
    logitScales: 1,
  }],
]);

/** One builder for each row. */
export const TRANSFORMER_BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map(
  [...TRANSFORMER_ROWS].map(([name, row]) => [name, (b: Builder) => buildTransformer(b, row)]),
);
