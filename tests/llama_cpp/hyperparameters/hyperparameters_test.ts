import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../../src/budget/error.ts";
import { estimateFootprint } from "../../../src/footprint/estimate.ts";
import type { MetadataValue } from "../../../src/gguf/header.ts";
import {
  ARCHITECTURES,
  array,
  AVX2_CPU,
  header,
  options,
  shapeOf,
  tensor,
} from "../sample_header.ts";

const SEED = 20260727;

Deno.test("readHyperparameters() fills in llama.cpp's defaults", () => {
  const shape = shapeOf(header("llama"));
  assertEquals(shape.keyLengths, [64, 64, 64, 64]);
  assertEquals(shape.valueLengths, [64, 64, 64, 64]);
  assertEquals(shape.keyValueHeadCounts, [2, 2, 2, 2]);
  assertEquals(shape.ropeDimensionCounts, [64, 64, 64, 64]);
  assertEquals(shape.slidingWindowKind, "none");
  assertEquals(shape.vocabularySize, 1000);
  assertEquals(shape.layerCount, 4);
});

Deno.test("readHyperparameters() reads windows by each architecture's rule", () => {
  const slides = (architecture: string, keys: Record<string, MetadataValue>) =>
    shapeOf(header(architecture, keys)).slidingWindowLayers.map(Number).join("");
  const window = { "attention.sliding_window": 100 };
  const pattern = (value: MetadataValue) => ({
    ...window,
    "attention.sliding_window_pattern": value,
  });
  const cases: [string, string, Record<string, MetadataValue>, string][] = [
    ["a fixed period", "gpt-oss", window, "1010"],
    ["a period in the header", "gpt-oss", pattern(4), "1110"],
    ["an array that a period's rule ignores", "gpt-oss", pattern(array([0, 0, 0, 1])), "1010"],
    ["no window", "gemma3", {}, "0000"],
    ["a window of 0", "gemma3", { "attention.sliding_window": 0 }, "0000"],
    ["a period longer than the model", "gemma3", window, "1111"],
    ["period 0", "gemma3", pattern(0), "1111"],
    ["period 1", "gemma3", pattern(1), "0000"],
    ["the dense layer first", "smallthinker", window, "0111"],
    ["an array of flags", "gemma4", pattern(array([true, false, true, false])), "1010"],
    ["an array in place of a period", "mellum", pattern(array([0, 1, 1, 0])), "0110"],
    ["a shorter array", "granite_swa", pattern(array([0, 1])), "0100"],
    ["windows that were given up", "phi3", window, "0000"],
    ["depth", "exaone4", window, "0000"],
    ["chunks without a key", "llama4", {}, "1110"],
    ["chunks of 0", "llama4", { "attention.sliding_window": 0 }, "0000"],
    ["layers that predict tokens", "step35", {
      ...pattern(array([1, 1, 0, 1])),
      nextn_predict_layers: 1,
    }, "1101"],
  ];
  for (const [name, architecture, keys, expected] of cases) {
    assertEquals(slides(architecture, keys), expected, name);
  }
  assertEquals(shapeOf(header("llama4")).slidingWindow, 8192);
  assertEquals(shapeOf(header("gemma2")).slidingWindow, 4096);
  assertEquals(shapeOf(header("smallthinker", window)).slidingWindow, 4096);
});

Deno.test("readHyperparameters() reads which layers have a state", () => {
  const states = (architecture: string, keys: Record<string, MetadataValue>) =>
    shapeOf(header(architecture, keys)).recurrentLayers.map(Number).join("");
  const heads = { "attention.head_count_kv": array([2, 0, 0, 2]) };
  assertEquals(states("jamba", heads), "0110");
  assertEquals(
    states("nemotron_h", { ...heads, feed_forward_length: array([0, 9, 0, 0]) }),
    "0010",
  );
  assertEquals(states("falcon-h1", {}), "1111");
  assertEquals(states("qwen3next", {}), "1110");
  assertEquals(states("qwen3next", { full_attention_interval: 2 }), "1010");
  assertEquals(
    states("qwen35", { "attention.recurrent_layers": array([false, true, true, true]) }),
    "0111",
  );
  assertEquals(states("llama", heads), "0000");
});

Deno.test("readHyperparameters() refuses nonsense of an architecture that nobody checks", () => {
  const cases: [string, string, Record<string, MetadataValue>, string][] = [
    ["negative", "unknown", { "attention.head_count": -1 }, '"unknown.attention.head_count" is -1'],
    ["2^40 heads", "unknown", { "attention.head_count": 2 ** 40 }, "is 1099511627776"],
    ["a big one", "unknown", { embedding_length: 2n ** 60n }, "is 1152921504606846976"],
    ["text", "unknown", { embedding_length: "many" }, '"unknown.embedding_length" is "many"'],
    ["a fraction", "unknown", { "attention.key_length": 1.5 }, "is 1.5"],
    ["not a number", "unknown", { "attention.key_length": NaN }, "is NaN"],
    ["a flag", "unknown", { block_count: true }, "is true"],
    ["a short array", "unknown", { "attention.head_count": array([1, 2]) }, "is 2 where"],
    ["an array for one", "unknown", { context_length: array([1]) }, "an array of 1 × uint32"],
    ["a walked array", "unknown", {
      "attention.head_count": { elementType: "uint32", length: 4, bytes: 16 },
    }, "an array of 4 × uint32"],
  ];
  for (const [name, architecture, keys, words] of cases) {
    const read = () => shapeOf(header(architecture, keys));
    const error = assertThrows(read, BrainjarError, words, name) as BrainjarError;
    assertEquals(error.code, "gguf-hyperparameter", name);
    // What is known is held to llama.cpp's types before it is loaded, and may have what it never reads.
    const never = Object.entries(keys).map(([key, value]) => [`wkv.${key}`, value]);
    shapeOf(header("llama", Object.fromEntries(never)));
  }
});

Deno.test("readHyperparameters() refuses what llama.cpp could not load", () => {
  const cases: [string, string, Record<string, MetadataValue>, string][] = [
    ["no layers", "llama", { block_count: 0 }, '"llama.block_count" is 0'],
    ["too many layers", "llama", { block_count: 513 }, '"llama.block_count" is 513'],
    [
      "more experts used than there are",
      "llama",
      { expert_count: 2, expert_used_count: 3 },
      "is 3",
    ],
    ["predictions", "llama", { nextn_predict_layers: 5 }, '"llama.nextn_predict_layers" is 5'],
    ["half of MLA", "deepseek2", { "attention.key_length_mla": 192 }, "value_length_mla"],
    ["an interval of 0", "qwen35", { full_attention_interval: 0 }, "full_attention_interval"],
    ["no array", "gemma4", { "attention.sliding_window": 9 }, "sliding_window_pattern"],
    ["a short array", "gemma4", {
      "attention.sliding_window": 9,
      "attention.sliding_window_pattern": array([1, 0, 1]),
    }, 'sliding_window_pattern" is an array of 3 × uint32 where another type or length belongs'],
    ["no window", "gpt-oss", {}, '"gpt-oss.attention.sliding_window" is missing'],
    ["endless loops", "nanbeige", { num_loops: 400 }, '"nanbeige.num_loops" is 400'],
    ["shared layers", "gemma4", {
      "attention.sliding_window": 9,
      "attention.sliding_window_pattern": 1,
      "attention.shared_kv_layers": 5,
    }, "shared_kv_layers"],
  ];
  for (const [name, architecture, keys, words] of cases) {
    const error = assertThrows(
      () => shapeOf(header(architecture, keys)),
      BrainjarError,
      words,
      name,
    ) as BrainjarError;
    assertEquals(error.code, "gguf-hyperparameter", name);
  }
});

Deno.test("readHyperparameters() counts layers as each architecture passes them", () => {
  const layers = (architecture: string, keys: Record<string, MetadataValue>, names = [""]) => {
    const tensors = names.map((name) => tensor(name, 0, 1));
    const shape = shapeOf(header(architecture, keys, tensors));
    return [shape.layerCount, shape.allLayerCount];
  };
  assertEquals(layers("glm4moe", { nextn_predict_layers: 1 }), [3, 4]);
  assertEquals(layers("nanbeige", { num_loops: 3 }), [12, 12]);
  assertEquals(layers("graniteswitch", {}), [4, 5]);
  const four = {
    nextn_predict_layers: 1,
    "attention.sliding_window": 9,
    "attention.compress_ratios": array([0, 4, 128, 0]),
  };
  assertEquals(layers("deepseek4", four), [4, 4]);
  assertEquals(layers("deepseek4", four, ["blk.3.nextn.eh_proj.weight"]), [3, 4]);
});

Deno.test("any value in any key gives an estimate of whole bytes or a typed error", async () => {
  const names = [
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "nextn_predict_layers",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.recurrent_layers",
    "attention.shared_kv_layers",
    "attention.compress_ratios",
    "attention.indexer.key_length",
    "full_attention_interval",
    "expert_count",
    "expert_used_count",
    "ssm.conv_kernel",
    "ssm.inner_size",
    "ssm.state_size",
    "ssm.group_count",
    "wkv.head_size",
    "kda.head_dim",
    "shortconv.l_cache",
    "vocab_size",
    "num_loops",
    "tokenizer.ggml.tokens",
  ];
  const value: fc.Arbitrary<MetadataValue> = fc.oneof(
    fc.nat(16),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.string(),
    fc.array(fc.nat(9), { maxLength: 9 }).map(array),
    fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, -1),
  );
  const architectures = [...ARCHITECTURES.keys(), "llama9", ""];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...architectures),
      fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 8 }),
      async (architecture, keys) => {
        try {
          const { bytes } = await estimateFootprint(
            header(architecture, keys),
            options(),
            AVX2_CPU,
          );
          for (const [part, count] of Object.entries(bytes)) {
            if (!Number.isSafeInteger(count) || count < 0) throw new Error(`${part} is ${count}`);
          }
        } catch (error) {
          if (!(error instanceof BrainjarError)) throw error;
        }
      },
    ),
    { seed: SEED, numRuns: 1500 },
  );
});
