import {
  add,
  assertAnswers,
  type Change,
  drop,
  fuse,
  keys,
  list,
  type Variant,
  whole,
  without,
} from "./changes.ts";

// The same of models with states, latent attention and layers of their own.

/** The last of two layers predicts a further token. */
const PREDICTS: readonly Change[] = [
  drop(/^blk\.1\..*scale$/),
  keys({ nextn_predict_layers: whole(1) }),
  add(
    ["blk.1.nextn.eh_proj.weight", 256, 128],
    ["blk.1.nextn.enorm.weight", 128],
    ["blk.1.nextn.hnorm.weight", 128],
  ),
];

/** Keys and values of DeepSeek-V2 cached whole, as old files have them. */
const WHOLE: readonly Change[] = [
  without("attention.key_length_mla"),
  without("attention.value_length_mla"),
  keys({ "attention.key_length": whole(192), "attention.value_length": whole(128) }),
  drop(/attn_[kv]_b\./),
  add(["blk.0.attn_kv_b.weight", 512, 256], ["blk.1.attn_kv_b.weight", 512, 256]),
];

/** Each of five layers with one factor for all that RWKV mixes. */
const fusedFactors = (parts: number): Change =>
  add(...[0, 1, 2, 3, 4].map((layer): [string, ...number[]] => [
    `blk.${layer}.time_mix_lerp_fused.weight`,
    512,
    1,
    1,
    parts,
  ]));

const VARIANTS: readonly Variant[] = [
  // States.
  ["mamba-dense", [keys({ "ssm.inner_size": whole(768) })], "isn't twice its embedding"],
  ["mamba2-dense", [drop(/ssm_conv1d\.bias/)], '"blk.0.ssm_conv1d.bias" is missing'],
  ["falcon-h1-dense", [drop(/ssm_conv1d\.bias/)], '"blk.0.ssm_conv1d.bias" is missing'],
  ["falcon-h1-dense", [drop(/ssm_norm/)]],
  ["mamba2-dense", [drop(/ssm_norm/)], '"blk.0.ssm_norm.weight" is missing'],
  ["mamba2-dense", [keys({ "ssm.group_count": whole(3) })], "isn't 3 equal groups"],
  ["plamo2-dense", [keys({ "ssm.group_count": whole(2) })], "its state has groups"],
  ["jamba-dense", [drop(/^output\.weight/)]],
  ["jamba-dense", [keys({ "ssm.group_count": ["string", "none"] })]],
  ["granitehybrid-dense", [fuse]],
  ["granitehybrid-dense", [keys({ "attention.value_length": whole(32) })], "attn_v"],
  ["lfm2-dense", [drop(/^dense_2/)]],
  ["lfm2-dense", [keys({ "shortconv.l_cache": whole(1) })], "of one token"],
  ["lfm2moe-moe", [keys({ expert_gating_func: whole(0) })], "router's function is number 0"],
  ["lfm2moe-moe", [
    keys({ expert_gating_func: whole(0), leading_dense_block_count: whole(9) }),
    drop(/ffn_gate_inp|exp_probs|_exps/),
  ], '"blk.1.ffn_gate.weight" is missing'],
  ["nemotron_h-dense", [without("attention.layer_norm_epsilon")], "layer_norm_epsilon"],
  ["nemotron_h_moe-dense", [drop(/ffn_(up|down)\.bias/)]],
  // Latent attention.
  ["deepseek2-moe", PREDICTS],
  ["deepseek2-moe", [...PREDICTS, drop(/nextn\.eh_proj|blk\.1\.attn_norm/)]],
  [
    "deepseek2-moe",
    [...PREDICTS, drop(/blk\.1\.attn_norm/)],
    '"blk.1.attn_norm.weight" is missing',
  ],
  ["deepseek2-moe", [...PREDICTS, drop(/^blk\.1\./)]],
  ["deepseek2-moe", [...PREDICTS, add(["blk.1.nextn.shared_head_norm.weight", 128])]],
  ["deepseek2-moe", WHOLE],
  ["deepseek2-moe", [...WHOLE, keys({ "attention.value_length": whole(64) })], "attn_output"],
  ["deepseek2-moe", [keys({ "attention.key_length": whole(192) })], "caches 1 heads of 192"],
  ["deepseek2-moe", [keys({ "rope.dimension_count": whole(192) })], "rope rotates all 192"],
  ["deepseek2-moe", [
    drop(/gate_up_exps/),
    add(["blk.1.ffn_gate_exps.weight", 128, 192, 2], ["blk.1.ffn_up_exps.weight", 128, 192, 2]),
  ]],
  ["deepseek2-moe", [without("expert_gating_func")]],
  ["mistral4-moe", PREDICTS],
  ["minicpm3-dense", [drop(/^output\.weight/)]],
  ["plm-dense", [keys({ "attention.head_count_kv": whole(1) })], "caches 1 heads"],
  // Indexers.
  ["deepseek32-moe", PREDICTS],
  ["deepseek32-moe", [drop(/blk\.1\.indexer/)], '"blk.1.indexer.k_norm.weight" is missing'],
  ["glm-dsa-moe", PREDICTS],
  ["glm-dsa-moe", [...PREDICTS, drop(/^blk\.1\.indexer/)]],
  ["glm-dsa-moe", [drop(/k_norm/)]],
  ["glm-dsa-moe", [drop(/blk\.1\.indexer/)], '"blk.1.indexer.proj.weight" is missing'],
  ["glm-dsa-moe", [
    keys({ "attention.indexer.types": list(1, 0) }),
    drop(/blk\.1\.indexer/),
  ]],
  ["glm-dsa-moe", [keys({ "attention.indexer.types": list(0, 1) })], "first layer has no indexer"],
  ["glm-dsa-moe", [keys({ "attention.indexer.types": list(1, 1, 1) })], "3 entries where 2"],
  ["dots3note-moe", [...PREDICTS, drop(/blk\.1\.(ffn_(gate|up|down)|exp_probs)/)]],
  ["dots3note-moe", PREDICTS, "doesn't have"],
  ["dots3note-moe", [
    keys({ "attention.indexer.types": list(0, 0) }),
    drop(/indexer/),
  ], "neither a window nor an indexer"],
  // Delta attention.
  ["kimi-linear-moe", [drop(/ffn_gate_shexp/)]],
  ["kimi-linear-moe", [drop(/_shexp/)]],
  ["kimi-linear-moe", [drop(/ffn_up_shexp/)], '"blk.1.ffn_up_shexp.weight" is missing'],
  ["kimi-linear-moe", [drop(/attn_[qk]\.bias/)]],
  [
    "kimi-linear-moe",
    [drop(/blk\.1\.attn_[qkv]\./), add(["blk.1.attn_qkv.weight", 128, 384])],
    "attn_q.weight",
  ],
  ["kimi-k3-moe", [keys({ "attn_res.block_size": whole(0) }), drop(/res_score/)]],
  ["kimi-k3-moe", [keys({ "attn_res.block_size": whole(0) })], "doesn't have"],
  ["kimi-k3-moe", [drop(/attn_q_[ab]/), add(["blk.0.attn_q.weight", 128, 192])]],
  ["kimi-k3-moe", [drop(/attn_q_a_norm/)], '"blk.0.attn_q.weight" is missing'],
  ["kimi-k3-moe", [drop(/ffn_routed_norm/)]],
  ["kimi-k3-moe", [drop(/ffn_down_shexp/)], '"blk.1.ffn_down_shexp.weight" is missing'],
  ["bailingmoe3-moe", [keys({ "kda.safe_gate": ["bool", false] })], "aren't bounded"],
  ["bailingmoe3-moe", [without("kda.safe_gate")]],
  ["bailingmoe3-moe", [keys({ "kda.gate_lower_bound": ["float32", 0] })], "have no bound"],
  // Compressed keys and several streams.
  ["deepseek4-a", [keys({ "hyper_connection.count": whole(2) })], "has 2 hyper-connections"],
  ["deepseek4-a", [keys({ expert_gating_func: whole(2) })], "function is number 2"],
  ["deepseek4-a", [keys({ nextn_predict_layers: whole(1) })]],
  ["qwen4exp-moe", [drop(/^output\.weight/)]],
  ["qwen4exp-moe", [keys({ "ple.layers": list(1) })], "layer 1, which has no state"],
  ["qwen4exp-moe", [keys({ "ple.layers": list(0, 1) })], "on several layers"],
  ["qwen4exp-moe", [without("ple.layers"), drop(/ple_|per_layer/)]],
  ["minimax-m3-moe", [fuse]],
  ["minimax-01-moe", [drop(/ffn_gate_exps/)]],
  ["graniteswitch-a", [keys({ "rope.dimension_count": whole(32) })], "rope rotates 32"],
  // RWKV.
  ["rwkv6-dense", [drop(/time_mix_lerp_[wkvrg]\./)]],
  ["rwkv6-dense", [drop(/lerp_fused/)]],
  ["rwkv6-dense", [drop(/lerp_fused|lerp_g\./)], '"blk.0.time_mix_lerp_g.weight" is missing'],
  ["rwkv6-dense", [keys({ token_shift_count: whole(1) })], "keep 2"],
  ["rwkv6qwen2-dense", [drop(/time_mix_(key|value|receptance)\.bias/)]],
  ["arwkv7-dense", [drop(/time_mix_g[12]|lerp_fused/), fusedFactors(5)]],
  ["arwkv7-dense", [drop(/time_mix_g1/)], "has the shape 512 × 1 × 1 × 6"],
  ["arwkv7-dense", [drop(/time_mix_ln/)]],
  // Layers that lack parts or come again.
  ["deci-dense", [
    keys({
      "attention.head_count": list(8, 0, 8, 8, 8),
      "attention.head_count_kv": list(4, 0, 4, 4, 4),
    }),
    drop(/blk\.1\.attn/),
  ]],
  ["deci-dense", [
    keys({ "attention.head_count_kv": list(4, 0, 4, 4, 4) }),
    drop(/blk\.1\.attn_[qkv]\./),
  ]],
  ["deci-dense", [
    keys({ feed_forward_length: list(1088, 0, 1088, 1088, 1088) }),
    drop(/blk\.1\.ffn_(norm|gate\.|up\.|down\.)/),
  ]],
  ["deci-dense", [fuse]],
  ["nanbeige-dense", [keys({ num_loops: whole(3) })]],
  ["talkie-dense", [drop(/^output\.weight/)], '"output.weight" is missing'],
];

Deno.test("what models of own blocks may have and lack is answered as llama.cpp does", () => {
  assertAnswers(VARIANTS);
});
