import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { checkContextOptions } from "../../../src/llama_cpp/models/check_context_options.ts";
import { contextSizes, outputBytes } from "../../../src/llama_cpp/memory/context_sizes.ts";
import { kvCacheBytes } from "../../../src/llama_cpp/memory/kv_cache.ts";
import type { FootprintOptions } from "../../../src/llama_cpp/options.ts";
import { loadedWeights } from "../../../src/llama_cpp/memory/weights.ts";
import { recurrentStateBytes } from "../../../src/llama_cpp/memory/recurrent_state.ts";
import type { MetadataValue } from "../../../src/gguf/header.ts";
import {
  array,
  AVX2_CPU,
  header,
  modelOf,
  options,
  PLAIN_CPU,
  shapeOf,
  tensor,
} from "../sample_header.ts";

function memory(
  architecture: string,
  keys: Record<string, MetadataValue>,
  some: Partial<FootprintOptions> = {},
): [number, number] {
  const file = header(architecture, keys);
  const shape = shapeOf(file);
  const chosen = options(some);
  const sizes = contextSizes(shape, chosen);
  return [kvCacheBytes(shape, sizes, chosen), recurrentStateBytes(shape, sizes)];
}

/** F16 keys or values of one layer with 2 heads of 64. */
const LAYER = 2 * 64 * 2;

Deno.test("a cache has keys and values for each cell, sequence and layer", () => {
  assertEquals(memory("llama", {})[0], 512 * 4 * 2 * LAYER);
  assertEquals(memory("llama", {}, { contextSize: 513 })[0], 768 * 4 * 2 * LAYER);
  assertEquals(memory("llama", {}, { sequences: 3 })[0], 3 * 512 * 4 * 2 * LAYER);
  assertEquals(
    memory("llama", {}, { kvCacheKeyType: "Q8_0", kvCacheValueType: "Q4_1" })[0],
    512 * 4 * (4 * 34 + 4 * 20),
  );
});

Deno.test("values lie as wide as the widest layer's without flash attention", () => {
  const keys = { "attention.head_count_kv": array([1, 2, 4, 8]) };
  const one = 512 * 64 * 2;
  assertEquals(memory("llama", keys)[0], one * 2 * (1 + 2 + 4 + 8));
  assertEquals(
    memory("llama", keys, { flashAttention: false })[0],
    one * (1 + 2 + 4 + 8) + one * 4 * 8,
  );
});

Deno.test("sliding windows keep window and batch, padded", () => {
  const keys = { "attention.sliding_window": 100 };
  const cells = (some: Partial<FootprintOptions>) =>
    memory("gpt-oss", keys, { contextSize: 8192, ...some })[0] / (2 * 2 * LAYER) - 8192;
  assertEquals(cells({ batchSize: 100 }), 256);
  // 100 + 155 + 1 is 256: one token more and it is 512
  assertEquals(cells({ batchSize: 155 }), 256);
  assertEquals(cells({ batchSize: 156 }), 512);
  // a window as long as training isn't seen by node-llama-cpp, which then adds no token
  assertEquals(
    memory("gpt-oss", { ...keys, context_length: 100 }, { contextSize: 8192, batchSize: 156 })[0],
    (8192 + 256) * 2 * 2 * LAYER,
  );
});

Deno.test("shared, latent and indexed caches", () => {
  const gemma4 = {
    "attention.sliding_window": 100,
    "attention.sliding_window_pattern": array([1, 0, 1, 0]),
    "attention.shared_kv_layers": 2,
  };
  assertEquals(memory("gemma4", gemma4)[0], 512 * 2 * 2 * LAYER);
  const latent = {
    "attention.head_count_kv": 1,
    "attention.key_length": 576,
    "attention.value_length": 512,
    "attention.key_length_mla": 192,
    "attention.value_length_mla": 128,
  };
  assertEquals(memory("deepseek2", latent)[0], 512 * 4 * 576 * 2);
  const indexed = { ...latent, "attention.indexer.key_length": 128 };
  assertEquals(memory("deepseek32", indexed)[0], 512 * 4 * (576 + 128) * 2);
  assertEquals(
    memory("glm-dsa", { ...indexed, nextn_predict_layers: 1 })[0],
    512 * 3 * (576 + 128) * 2,
  );
  assertEquals(
    memory("minimax-m3", { "attention.indexer.key_length": 32, leading_dense_block_count: 1 })[0],
    512 * (4 * 2 * LAYER + 3 * (32 + 64) * 2),
  );
});

Deno.test("states are kept for each sequence, and only of the kind an architecture has", () => {
  const ssm = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 1024,
    "ssm.state_size": 16,
    "ssm.group_count": 2,
    "shortconv.l_cache": 3,
    "wkv.head_size": 64,
  };
  const mamba2 = 4 * 4 * (3 * (1024 + 2 * 2 * 16) + 16 * 1024);
  assertEquals(memory("mamba2", ssm), [0, mamba2]);
  assertEquals(memory("mamba2", ssm, { sequences: 5 }), [0, 5 * mamba2]);
  assertEquals(memory("mamba", ssm), [0, 4 * 4 * (3 * 1024 + 16 * 1024)]);
  assertEquals(memory("rwkv7", ssm), [0, 4 * 4 * (2 * 512 + 512 * 64)]);
  const heads = { ...ssm, "attention.head_count_kv": array([2, 0, 0, 2]) };
  assertEquals(memory("lfm2", heads), [512 * 2 * 2 * LAYER, 2 * 4 * 2 * 512]);
  assertEquals(memory("falcon-h1", ssm), [512 * 4 * 2 * LAYER, mamba2]);
  assertEquals(memory("llama", ssm)[1], 0);
  assertEquals(memory("bert", ssm), [0, 0]);
});

Deno.test("an architecture that isn't known keeps everything on every layer", () => {
  const [cache, state] = memory("llama9", { "ssm.inner_size": 64, "ssm.state_size": 8 });
  assertEquals(cache >= 512 * 4 * 2 * LAYER, true);
  assertEquals(state >= 4 * 4 * 64 * 8, true);
});

Deno.test("logits are handed out for each sequence", () => {
  const shape = shapeOf(header("llama"));
  assertEquals(outputBytes(shape, options({ sequences: 3 })), 1000 * 3 * 4);
  assertEquals(outputBytes(shapeOf(header("t5")), options()), (1000 + 512) * 4);
});

Deno.test("options that llama.cpp refuses are refused", () => {
  const check = (
    architecture: string,
    some: Partial<FootprintOptions>,
    keys: Record<string, MetadataValue> = {},
  ) => checkContextOptions(modelOf(header(architecture, keys)), options(some));
  const quantized = { kvCacheKeyType: "Q8_0", kvCacheValueType: "Q8_0" } as const;
  const refused: [string, () => void, string][] = [
    [
      "values without flash attention",
      () => check("llama", { ...quantized, flashAttention: false }),
      "needs flash attention",
    ],
    ["grok", () => check("grok", quantized), "needs flash attention"],
    ["heads of 80", () => check("llama", quantized, { "attention.key_length": 80 }), "heads of 80"],
    [
      "values of 40",
      () => check("llama", quantized, { "attention.value_length": 40 }),
      "value heads of 40",
    ],
    ["latent keys alone", () =>
      check("deepseek2", { kvCacheKeyType: "F32" }, {
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
      }), "can't cache keys as F32 and values as F16"],
    ["sequences", () => check("llama", { sequences: 257 }), "257 sequences"],
    [
      "sequences for a decoder's encoder",
      () => check("t5", { sequences: 2 }),
      'Architecture "t5" takes one sequence at a time, not 2',
    ],
  ];
  const uneven = { batchSize: 100, sequences: 3 };
  refused.push([
    "a batch that isn't as many tokens for each sequence",
    () => check("minimax-01", uneven, { "full_attention_interval": 2 }),
    "can't share a batch of 100 tokens between 3 sequences",
  ]);
  const indexed = { "attention.indexer.head_count": 4, "attention.indexer.key_length": 64 };
  refused.push(
    ["flash attention", () => check("plm", {}), 'Architecture "plm" can\'t run with flash'],
    ["indexers", () => check("minimax-m3", {}, indexed), "4 indexers don't match"],
    [
      "a quantized cache without flash attention",
      () => check("plm", { ...quantized, flashAttention: false }),
      "needs flash attention",
    ],
  );
  for (const [name, refuse, words] of refused) assertThrows(refuse, BrainjarError, words, name);
  check("llama", quantized);
  check("llama", uneven);
  check("minimax-01", uneven, { "full_attention_interval": 4 });
  check("plm", { flashAttention: false });
  check("minimax-m3", {}, { ...indexed, "attention.head_count_kv": 4 });
  check("llama", { kvCacheKeyType: "Q4_0", flashAttention: false });
});

Deno.test("a batch that sequences can share evenly is advised where one can't be", () => {
  const small = { contextSize: 512, kvCacheKeyType: "F16", kvCacheValueType: "F16" } as const;
  for (const window of [0, 64]) {
    const model = modelOf(header("minimax-01", {
      "attention.sliding_window": window,
      "full_attention_interval": 2,
    }));
    for (let sequences = 1; sequences <= 9; sequences++) {
      for (let batchSize = 1; batchSize <= 40; batchSize++) {
        const wanted = options({ ...small, batchSize, sequences });
        if (contextSizes(model.shape, wanted).batch % sequences === 0) {
          checkContextOptions(model, wanted);
          continue;
        }
        const { hint } = assertThrows(() => checkContextOptions(model, wanted), BrainjarError);
        const [, advised = "none"] = /--batch-size (\d+)/.exec(hint ?? "") ?? [];
        checkContextOptions(model, options({ ...small, batchSize: Number(advised), sequences }));
      }
    }
  }
});

Deno.test("weights of layers that predict are left out, all or those that llama.cpp skips", () => {
  const names = ["attn_q", "ffn_norm", "ffn_gate_up_exps", "nextn.eh_proj", "nextn.embed_tokens"];
  const loaded = (architecture: string) => {
    const file = header(
      architecture,
      {
        nextn_predict_layers: 1,
        "attention.sliding_window": 32,
        "attention.sliding_window_pattern": 2,
      },
      [2, 3].flatMap((layer) => names.map((name) => tensor(`blk.${layer}.${name}.weight`, 0, 32))),
    );
    return loadedWeights(file, shapeOf(file), PLAIN_CPU).map((weight) => weight.tensor.name)
      .filter((name) => name.startsWith("blk.3."));
  };
  assertEquals(loaded("glm4moe"), []);
  const inPart = ["blk.3.ffn_gate_up_exps.weight", "blk.3.nextn.embed_tokens.weight"];
  for (const name of ["hy_v3", "step35", "cohere2moe"]) assertEquals(loaded(name), inPart, name);
  for (const name of ["qwen35moe", "deepseek2"]) assertEquals(loaded(name), inPart.slice(0, 1));
  assertEquals(loaded("llama").length, 5);
});

Deno.test("a tied embedding is loaded twice where it is laid out anew, or is the output first", () => {
  const loaded = (architecture: string, type: number, cpu = PLAIN_CPU) => {
    const keys = { "attention.sliding_window": 32, "attention.sliding_window_pattern": 2 };
    const file = header(architecture, keys, [tensor("token_embd.weight", type, 512, 1000)]);
    return loadedWeights(file, shapeOf(file), cpu).map(({ repacked, readByRow }) =>
      repacked ? "repacked" : readByRow ? "rows" : "whole"
    );
  };
  assertEquals(loaded("llama", 2), ["whole"]);
  assertEquals(loaded("llama", 2, AVX2_CPU), ["rows", "repacked"]);
  assertEquals(loaded("llama", 8, AVX2_CPU), ["whole"]);
  for (const architecture of ["gemma3n", "gemma4"]) {
    assertEquals(loaded(architecture, 8, AVX2_CPU), ["rows", "whole"]);
    assertEquals(loaded(architecture, 2, AVX2_CPU), ["rows", "repacked"]);
  }
});
