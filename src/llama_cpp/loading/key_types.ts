import type { MetadataType } from "../../gguf/header.ts";

/** Keys that hold a number with a fraction, without the architecture before them. */
const REAL = new Set([
  "activation.situ_beta",
  "activation.situ_linear_beta",
  "adapters.router_gain",
  "attention.clamp_kqv",
  "attention.compress_rope_freq_base",
  "attention.group_norm_epsilon",
  "attention.layer_norm_epsilon",
  "attention.layer_norm_rms_epsilon",
  "attention.max_alibi_bias",
  "attention.output_scale",
  "attention.scale",
  "attention.temperature_scale",
  "attention.value_scale",
  "attn_logit_softcapping",
  "embedding_scale",
  "expert_group_scale",
  "expert_weights_scale",
  "final_logit_softcapping",
  "hyper_connection.epsilon",
  "kda.gate_lower_bound",
  "logit_scale",
  "residual_scale",
  "rope.freq_base",
  "rope.freq_base_swa",
  "rope.scale_linear",
  "rope.scaling.alpha",
  "rope.scaling.attn_factor",
  "rope.scaling.factor",
  "rope.scaling.yarn_attn_factor",
  "rope.scaling.yarn_beta_fast",
  "rope.scaling.yarn_beta_slow",
  "rope.scaling.yarn_ext_factor",
  "rope.scaling.yarn_log_multiplier",
  "router_logit_softcapping",
  "swiglu_clamp_exp",
  "swiglu_clamp_shexp",
  "xielu.alpha_n",
  "xielu.alpha_p",
  "xielu.beta",
  "xielu.eps",
]);

/** Keys that hold true or false. */
const FLAGS = new Set([
  "attention.causal",
  "expert_weights_norm",
  "kda.safe_gate",
  "norm_before_fc",
  "norm_before_residual",
  "rope.scaling.finetuned",
  "skip_loop_final_norm",
  "ssm.dt_b_c_rms",
  "swin_norm",
  "use_parallel_residual",
]);

/** Keys that hold numbers which may be below 0. */
const SIGNED = new Set(["deepstack_mapping", "rope.dimension_sections"]);

/** Keys that hold text. */
const TEXTS = new Set(["rope.scaling.type"]);

/**
 * The one type that llama.cpp takes a single value of a key in (llama-hparams.h: the type of the
 * field that the key is read into), by the key without its architecture.
 */
export function keyType(name: string): MetadataType {
  if (REAL.has(name)) return "float32";
  if (FLAGS.has(name)) return "bool";
  if (SIGNED.has(name)) return "int32";
  return TEXTS.has(name) ? "string" : "uint32";
}
