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

// Headers of truth's models with what those models don't have, and whether llama.cpp can load them
// and make a context. The seeded changes of one key or one tensor are in truth_test.ts.

/** The last of five layers predicts a further token. */
const PREDICTS: readonly Change[] = [
  drop(/^blk\.4\..*scale$/),
  keys({ nextn_predict_layers: ["uint32", 1] }),
  add(
    ["blk.4.nextn.eh_proj.weight", 1024, 512],
    ["blk.4.nextn.enorm.weight", 512],
    ["blk.4.nextn.hnorm.weight", 512],
  ),
];

const VARIANTS: readonly Variant[] = [
  ["llama-dense", [drop(/^output\.weight/)]],
  ["internlm2-dense", [drop(/^output\.weight/)], '"output.weight" is missing'],
  ["llama-dense", [fuse]],
  ["qwen3-dense", [fuse]],
  ["minimax-m2-moe", [fuse], "queries, keys and values of layer 0 are one"],
  ["olmoe-moe", [fuse], "queries, keys and values of layer 0 are one"],
  ["llama-dense", [drop(/bias$/)]],
  ["starcoder2-dense", [drop(/attn_[qkv]\.bias$/)]],
  ["starcoder2-dense", [drop(/attn_output\.bias$/)], '"blk.0.attn_output.bias" is missing'],
  ["phi3-dense", [fuse, drop(/^rope_factors_long/)]],
  ["gpt2-dense", [drop(/^position_embd/)], '"position_embd.weight" is missing'],
  ["mpt-dense", [drop(/^position_embd/)]],
  ["mpt-dense", [add(["blk.0.attn_q_norm.weight", 512])], "queries have a norm"],
  ["codeshell-dense", [drop(/^token_embd\./)]],
  // Heads.
  ["llama-dense", [keys({ "attention.value_length": whole(32) })], "32 of values"],
  ["llama-dense", [keys({ "rope.dimension_count": whole(32) })], "rope rotates 32 elements"],
  ["gemma-dense", [keys({ "rope.dimension_count": whole(32) })]],
  // Loaded, and then llama.cpp ends the process with the first token.
  ["gemma-dense", [keys({ "rope.dimension_count": whole(128) })], "rope rotates 128"],
  ["gemma-dense", [keys({ "rope.dimension_count": whole(63) })], "rope rotates 63"],
  ["paddleocr-moe", [without("rope.dimension_sections")], "rotates by sections"],
  ["glm4-dense", [without("rope.dimension_sections")]],
  ["llama-dense", [keys({ "attention.head_count_kv": list(4, 4, 4, 4, 4) })]],
  ["llama-dense", [keys({ "attention.head_count_kv": list(4, 2, 4, 4, 4) })], "its layers differ"],
  ["granite-dense", [keys({ "attention.head_count": list(8, 4, 8, 8, 8) })], "8 heads, or 4"],
  ["refact-dense", [drop(/^rope_freqs/), keys({ "rope.dimension_count": whole(128) })]],
  // Mixtures.
  ["llama-moe", [drop(/ffn_gate_exps/)]],
  ["olmoe-moe", [drop(/ffn_gate_exps/)], '"blk.0.ffn_gate_exps.weight" is missing'],
  ["dots1-moe", [keys({ expert_gating_func: whole(0) })], "router's function is number 0"],
  ["glm4moe-moe", [keys({ expert_gating_func: whole(0) })]],
  ["glm4moe-moe", [keys({ expert_gating_func: whole(9) })], "router's function is number 9"],
  ["deepseek-moe", [keys({ expert_shared_count: whole(2) })], "has the shape 512 × 1088"],
  ["qwen3moe-moe", [without("expert_feed_forward_length")], "where 512 × 362 × 8 belongs"],
  ["llama-moe", [keys({ expert_used_count: list(3, 0, 3, 3, 3) })], "layer 1 has experts"],
  ["llama-dense", [keys({ expert_used_count: whole(3) })], "it uses 3 of 0 experts"],
  ["llama-moe", [
    keys({ expert_group_count: whole(4), expert_group_used_count: whole(2) }),
  ]],
  ["llama-moe", [
    keys({ expert_group_count: whole(7), expert_group_used_count: whole(2) }),
  ], "equal groups"],
  // Layers that predict further tokens.
  ["glm4moe-moe", PREDICTS],
  ["hy_v3-moe", PREDICTS],
  ["glm4-dense", PREDICTS],
  ["bailingmoe2-moe", PREDICTS, '"blk.4.layer_output_norm.weight" is missing'],
  ["bailingmoe2-moe", [...PREDICTS, add(["blk.4.layer_output_norm.weight", 512])]],
  ["glm4moe-moe", [...PREDICTS, drop(/^blk\.4\./)]],
  ["glm4-dense", [...PREDICTS, drop(/^blk\.4\./)], "is missing"],
  ["glm4moe-moe", [...PREDICTS, drop(/^blk\.[0-3]\./)], "is missing"],
  ["llama-dense", PREDICTS, "it has tensors that its architecture doesn't have"],
  // Keys of a few architectures.
  ["mistral3-dense", [keys({ "attention.temperature_scale": ["float32", 0.1] })]],
  ["mistral3-dense", [
    keys({
      "attention.temperature_scale": ["float32", 0.1],
      "rope.scaling.original_context_length": whole(0),
    }),
  ], "an original context of no tokens"],
  ["granite-dense", [keys({ deepstack_mapping: list(1, 0, 1, 2, 0) })]],
  ["granite-dense", [keys({ deepstack_mapping: list(1, 0, 1, 9, 0) })], "a layer wants image 9"],
  ["qwen3-dense", [drop(/^cls/)]],
  ["qwen3-dense", [drop(/^cls/), add(["cls.output.weight", 256, 2])], "has the shape 256 × 2"],
  // Windows.
  ["gemma3-dense", [keys({ "attention.sliding_window": whole(0) })]],
  ["afmoe-moe", [keys({ "attention.sliding_window": whole(0) })], "it has no sliding window"],
  ["gemma2-dense", [without("attention.sliding_window")]],
  ["gemma2-dense", [keys({ "attention.sliding_window_pattern": whole(1) })], "none of its layers"],
  ["granite_swa-dense", [
    keys({ "attention.sliding_window_pattern": list(0, 1, 0, 1, 0, 1, 1) }),
  ]],
  ["granite_swa-dense", [keys({ deepstack_mapping: list(0, 9) })], "a layer wants image 9"],
  ["step35-moe", [keys({ "rope.scaling.type": ["string", "longrope"] })], '"rope_freqs.weight"'],
  ["olmo2-dense", [fuse], "queries, keys and values of layer 0 are one"],
  [
    "plamo3-dense",
    [keys({ feed_forward_length: list(1088, 1088, 2176, 1088, 1088) })],
    "blk.2.ffn",
  ],
  ["mimo2-moe", [drop(/ffn_(gate|up|down)_exps|ffn_gate_inp|exp_probs/)]],
  ["mimo2-moe", [drop(/ffn_gate_inp|blk\.1\.ffn_up\./)], "the feed-forward of layer 1 isn't whole"],
  ["mimo2-moe", [drop(/blk\.1\.ffn_up_exps\.weight/)], '"blk.1.ffn_up_exps.weight" is missing'],
  ["step35-moe", [drop(/blk\.1\.ffn_up_shexp/)], "the feed-forward of layer 1 isn't whole"],
  ["exaone4-dense", PREDICTS],
  ["cohere2moe-moe", [
    ...PREDICTS,
    keys({ "attention.sliding_window_pattern": list(0, 1, 0, 1) }),
  ]],
  ["exaone-moe-moe", PREDICTS, "has rope factors beside layers that predict"],
  // Caches that layers share.
  ["gemma4-dense", [keys({ "attention.shared_kv_layers": whole(2) })]],
  ["gemma4-dense", [
    keys({ "attention.shared_kv_layers": whole(2) }),
    drop(/^blk\.[34]\.attn_(k|v|k_norm)\./),
  ]],
  ["gemma4-dense", [drop(/^blk\.4\.attn_k\./)], '"blk.4.attn_k.weight" is missing'],
  ["gemma4-dense", [drop(/attn_v\./)]],
  ["gemma4-dense", [keys({ "attention.shared_kv_layers": whole(4) })], "2 are the least"],
  ["gemma4-dense", [
    keys({
      "attention.shared_kv_layers": whole(1),
      "attention.sliding_window_pattern": list(1, 1, 0, 1, 1),
    }),
    add(["rope_freqs.weight", 16]),
  ], "layer 4 uses the cache of layer 2"],
  ["gemma4-dense", [
    keys({ embedding_length_per_layer_input: whole(0) }),
    drop(/per_layer|inp_gate|\.proj\.|post_norm/),
  ]],
  ["gemma3n-dense", [fuse], "queries, keys and values of layer 20 are one"],
  // Delta rules.
  ["qwen35-dense", [drop(/attn_gate/)], '"blk.0.attn_gate.weight" is missing'],
  ["qwen35-dense", [keys({ "attention.recurrent_layers": list(1, 0) })]],
  ["qwen35-dense", [keys({ "attention.recurrent_layers": list(1, 1) })], "blk.1.ssm_conv1d"],
  ["qwen35-dense", [keys({ "ssm.inner_size": whole(512) })], "2 heads of 128 elements and 512"],
  ["qwen3next-moe", [drop(/attn_gate/)], '"blk.0.attn_gate.weight" is missing'],
  ["qwen3next-moe", [drop(/blk\.0\.attn_(qkv|gate)/)]],
  // Other places of a layer's halves.
  ["falcon-dense", [drop(/blk\.0\.attn_norm_2\./)]],
  ["stablelm-dense", [drop(/ffn_norm/)]],
  ["command-r-dense", [add(["blk.0.attn_q_norm.weight", 64, 8])], "doesn't have"],
  ["cohere2moe-moe", [without("attention.layer_norm_rms_epsilon")]],
  ["cohere2moe-moe", [
    without("attention.layer_norm_rms_epsilon"),
    without("attention.layer_norm_epsilon"),
  ], 'layer_norm_epsilon" is missing'],
  ["grok-moe", [drop(/ffn_(gate|up|down)\./)]],
  ["grok-moe", [drop(/blk\.1\.ffn_down\./)], "the feed-forward of layer 1 isn't whole"],
  ["laguna-moe", [keys({ "attention.head_count": list(8, 16, 8, 8, 8) })], "blk.1.attn_q"],
];

Deno.test("weights and keys that truth's models don't have are answered as llama.cpp does", () => {
  assertAnswers(VARIANTS);
});
