import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { checkTensorTypes } from "../../../src/llama_cpp/loading/tensor_types.ts";
import { tensor } from "../sample_header.ts";

const F16 = 1;
const Q8_0 = 8;
const Q8_1 = 9;
const I32 = 26;
const F64 = 28;
const BF16 = 30;

Deno.test("weights of a type that nobody computes with are refused", () => {
  const fine = [
    tensor("blk.0.attn_norm.weight", 0, 64),
    tensor("blk.0.ffn_up.weight", BF16, 64, 128),
    tensor("blk.0.ffn_up_exps.weight", Q8_0, 64, 128, 4),
    tensor("blk.0.ffn_gate_tid2eid.weight", I32, 2, 1000),
    tensor("blk.0.ffn_gate_inp_shexp.weight", F16, 64),
  ];
  checkTensorTypes(fine);
  const refused = [
    [tensor("blk.0.attn_norm.weight", F16, 64), "F16"],
    [tensor("blk.0.attn_q.bias", Q8_0, 64), "Q8_0"],
    [tensor("blk.0.time_mix_lerp_w.weight", F16, 64, 1, 1), "F16"],
    [tensor("blk.0.ffn_up.weight", Q8_1, 64, 128), "Q8_1"],
    [tensor("blk.0.ssm_a", BF16, 16, 128), "BF16"],
    [tensor("blk.0.ssm_conv1d.weight", F16, 4, 128), "F16"],
    [tensor("blk.0.ffn_down_exps.bias", BF16, 64, 4), "BF16"],
    [tensor("blk.0.attn_q_norm.weight", F16, 64, 8), "F16"],
    [tensor("blk.0.ffn_up.weight", F64, 64, 128), "F64"],
    [tensor("blk.0.ffn_gate_tid2eid.weight", F16, 2, 1000), "F16"],
  ] as const;
  for (const [one, type] of refused) {
    const refuse = () => checkTensorTypes([...fine, one]);
    const error = assertThrows(refuse, BrainjarError, `"${one.name}" is of type ${type}`);
    assertEquals(error instanceof BrainjarError && error.code, "model-unloadable");
  }
});
