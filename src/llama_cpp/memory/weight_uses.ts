/** Which part of a model a weight belongs to. */
export type WeightPart =
  /** Looked up before the first layer. */
  | "input"
  | "output"
  /** One that every layer has again: it is loaded once for each device with layers. */
  | "every-layer"
  /** A layer's number. */
  | number;

/** What llama.cpp takes a weight for when it looks for a place (llama-arch.cpp, LLM_TENSOR_INFOS). */
export interface WeightUse {
  readonly part: WeightPart;
  /** The operation that must be possible there, by ggml's name. */
  readonly operation: string;
}

/** Weights without a layer that come before or among the layers. */
const OUTSIDE_LAYERS: ReadonlyMap<string, WeightPart> = new Map<string, WeightPart>([
  ["token_embd", "input"],
  ["position_embd", "input"],
  ["token_types", "input"],
  ["per_layer_token_embd", "input"],
  ["rope_freqs", "every-layer"],
  ["rope_factors_long", "every-layer"],
  ["rope_factors_short", "every-layer"],
  ["token_embd_norm", 0],
  ["per_layer_model_proj", 0],
  ["per_layer_proj_norm", 0],
  ["conv1d", 0],
]);

/** Names of weights that aren't multiplied as a matrix, without layer and suffix, by operation. */
const OPERATIONS: readonly (readonly [operation: string, names: RegExp])[] = [
  [
    "GET_ROWS",
    /^((token|position|per_layer_token)_embd|token_types|(attn|indexer)_compressor_ape|attn_rel_b|ffn_gate_tid2eid|nextn\.embed_tokens|d2t|markov_w1|selector_(predecessor|successor))$/,
  ],
  ["ROPE", /^rope_(freqs|factors_long|factors_short)$/],
  ["MUL_MAT_ID", /^ffn_(down|gate|up|gate_up)_(ch)?exps$/],
  ["SSM_CONV", /^(ple_conv1d|ssm_conv1d|shortconv\.conv)$/],
  // Of models that don't scan their states it is a factor.
  ["SSM_SCAN", /^ssm_a$/],
  ["SCALE", /^attn_sinks$/],
  ["DIV", /^ffn\.act$/],
  ["RWKV_WKV6", /^time_mix_first$/],
  ["IM2COL", /^(conv1d|conv[12]|dw)$/],
  ["NONE", /^(cross_attn_rel_b|masked_embd_(centroids|ordering))$/],
  [
    "ADD",
    /^(output_hc_base|hc_(attn|ffn)_base|time_mix_(lerp_[wkvrg]|lerp_fused|decay|[wav]0)|exp_probs_b(_vl)?)$/,
  ],
  [
    "MUL",
    /norm(_\d|_exps|_key|_query|_conv)?$|^(output_hc|hc_(attn|ffn))_scale$|^(attn|ffn|output)_res_score$|^ssm_(d|conv1d_[qkv])$|^(time_mix_(lerp_x|ln|k_k|k_a|r_k)|channel_mix_lerp_[kr])$|^(layer_output|altup_correct)_scale$|^gamma$|^(attn|ffn)_conv_base$|^norm\d$/,
  ],
];

const NAME =
  /^(?:(?:enc|dec)\.)?(?:(?:blk|posnet|convnext)\.(\d+)\.)?(.+?)(?:\.(weight|bias|scale|input_scale|lora_a|lora_b))?$/;

/**
 * What a weight is for, by its name in the file.
 *
 * @example
 * ```ts
 * import { weightUse } from "./weight_uses.ts";
 * const { part, operation } = weightUse("blk.7.ffn_norm.weight");
 * if (part !== 7 || operation !== "MUL") throw new Error();
 * ```
 */
export function weightUse(name: string): WeightUse {
  const [, layer, base = name, suffix] = NAME.exec(name) ?? [];
  const operation = OPERATIONS.find(([, names]) => names.test(base))?.[0] ?? "MUL_MAT";
  const part = layer === undefined ? OUTSIDE_LAYERS.get(base) ?? "output" : Number(layer);
  if (suffix === "bias") return { part, operation: operation === "MUL_MAT_ID" ? "ADD_ID" : "ADD" };
  if (suffix === "lora_a" || suffix === "lora_b") return { part, operation: "MUL_MAT_ID" };
  return { part, operation };
}
