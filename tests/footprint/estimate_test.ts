import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { largestContextThatFits } from "../../src/footprint/context_limit.ts";
import { checkPositions, defaultContextSize } from "../../src/footprint/context_size.ts";
import { calibrate } from "../../src/footprint/calibrate.ts";
import type { Footprint } from "../../src/footprint/footprint.ts";
import { PROGRAM_BYTES } from "../../src/footprint/runtime.ts";
import { estimateFootprint, estimateFromFileSize } from "../../src/footprint/estimate.ts";
import { loadedWeights, weightBytes } from "../../src/llama_cpp/memory/weights.ts";
import {
  AVX2_CPU,
  header,
  options,
  PLAIN_CPU,
  shapeOf,
  tensor,
} from "../llama_cpp/sample_header.ts";

const Q4_0 = 2;
const EMBEDDING = tensor("token_embd.weight", Q4_0, 512, 1000);
const EMBEDDING_BYTES = 1000 * (512 / 32) * 18;

function weights(architecture: string, tensors: Parameters<typeof header>[2], cpu = AVX2_CPU) {
  const file = header(architecture, { nextn_predict_layers: 1 }, tensors);
  return loadedWeights(file, shapeOf(file), cpu);
}

Deno.test("weights are padded to 32 bytes each", () => {
  assertEquals(weightBytes(weights("llama", [tensor("output_norm.weight", 0, 5)])), 32);
});

Deno.test("a tied embedding is loaded twice where the copy is laid out otherwise", () => {
  assertEquals(weightBytes(weights("llama", [EMBEDDING])), 2 * EMBEDDING_BYTES);
  assertEquals(weightBytes(weights("llama", [EMBEDDING], PLAIN_CPU)), EMBEDDING_BYTES);
  const output = tensor("output.weight", Q4_0, 512, 1000);
  assertEquals(weightBytes(weights("llama", [EMBEDDING, output])), 2 * EMBEDDING_BYTES);
  assertEquals(weightBytes(weights("bert", [EMBEDDING])), EMBEDDING_BYTES);
  const odd = tensor("token_embd.weight", Q4_0, 512, 1001);
  assertEquals(weightBytes(weights("llama", [odd])), 1001 * 16 * 18 + 16 * 18 % 32);
});

Deno.test("a tied embedding is read whole where it is multiplied as it lies", () => {
  const F32 = 0;
  const tied = tensor("token_embd.weight", F32, 512, 1000);
  const output = tensor("output.weight", F32, 512, 1000);
  const rows = (...given: Parameters<typeof weights>) =>
    weights(...given).map(({ tensor, readByRow }) => [tensor.name, readByRow]);
  assertEquals(rows("llama", [tied]), [["token_embd.weight", false]]);
  assertEquals(rows("mamba", [tied]), [["token_embd.weight", false]]);
  assertEquals(rows("llama", [tied, output]), [
    ["token_embd.weight", true],
    ["output.weight", false],
  ]);
  assertEquals(rows("bert", [tied]), [["token_embd.weight", true]]);
  // Where a copy is laid out anew, rows are looked up in the file and the copy is multiplied.
  assertEquals(rows("llama", [EMBEDDING]), [
    ["token_embd.weight", true],
    ["token_embd.weight", false],
  ]);
  assertEquals(rows("llama", [EMBEDDING], PLAIN_CPU), [["token_embd.weight", false]]);
  const perLayer = tensor("per_layer_token_embd.weight", F32, 512, 1000);
  assertEquals(rows("llama", [perLayer]), [["per_layer_token_embd.weight", true]]);
});

Deno.test("layers that predict further tokens are skipped where llama.cpp skips them", () => {
  const tensors = [tensor("blk.2.attn_norm.weight", 0, 8), tensor("blk.3.attn_norm.weight", 0, 8)];
  assertEquals(weightBytes(weights("glm4moe", tensors)), 32);
  assertEquals(weightBytes(weights("llama", tensors)), 64);
});

Deno.test("only what is multiplied is repacked", () => {
  const repacked = weights("llama", [
    EMBEDDING,
    tensor("blk.0.ffn_up.weight", Q4_0, 512, 64),
    tensor("blk.0.ffn_up_exps.weight", Q4_0, 512, 64, 4),
    tensor("blk.0.attn_k_b.weight", Q4_0, 512, 64, 4),
    tensor("blk.0.ffn_gate.weight", Q4_0, 512, 60),
    tensor("blk.0.ffn_down.weight", 8, 512, 64),
  ]).map((weight) => weight.repacked);
  assertEquals(repacked, [false, true, true, false, false, false, true]);
});

Deno.test("a type that ggml doesn't have is an error", () => {
  assertThrows(
    () => weights("llama", [tensor("a", 99, 32)]),
    BrainjarError,
    'Tensor "a" has the unknown type 99',
  );
});

Deno.test("floor, working set and peak only ever rise", async () => {
  // Larger than what loading alone takes for a moment, and rows larger than one read-ahead.
  const file = header("llama", {}, [
    tensor("token_embd.weight", 8, 512, 80000),
    tensor("blk.0.ffn_up.weight", 8, 512, 200000),
    tensor("output.weight", 8, 512, 80000),
  ]);
  const { bytes, jar } = await estimateFootprint(file, options(), AVX2_CPU);
  assertEquals(bytes.floor < bytes.workingSet && bytes.workingSet < bytes.peak, true);
  assertEquals([jar.floorBytes, jar.workingSetBytes], [bytes.floor, bytes.workingSet]);
  assertEquals(jar.shared.floorBytes < jar.floorBytes, true);
  const copied = (await estimateFootprint(file, options({ mmap: false }), AVX2_CPU)).bytes;
  assertEquals([copied.workingSet, copied.peak], [
    copied.floor + PROGRAM_BYTES,
    copied.floor + PROGRAM_BYTES,
  ]);
  assertEquals(copied.floor > bytes.floor, true);
});

Deno.test("floor and working set are the sums of what they are made of, to the byte", async () => {
  const sums = ({ bytes, resident, jar }: Footprint) => {
    const floor = resident.reduce((sum, part) => sum + part.floor, 0);
    const workingSet = resident.reduce((sum, part) => sum + part.workingSet, 0);
    assertEquals([floor, workingSet], [bytes.floor, bytes.workingSet]);
    assertEquals([floor, workingSet], [jar.floorBytes, jar.workingSetBytes]);
    assertEquals(resident.every((part) => part.floor >= 0 && part.workingSet >= 0), true);
    return new Map(resident.map(({ part, workingSet }) => [part, workingSet]));
  };
  const small = [EMBEDDING, tensor("blk.0.ffn_up.weight", Q4_0, 512, 64)];
  const large = [EMBEDDING, tensor("blk.0.ffn_up.weight", 8, 512, 400_000)];
  for (const tensors of [small, large]) {
    const file = header("llama", {}, tensors);
    for (const cpu of [AVX2_CPU, PLAIN_CPU]) {
      for (const mmap of [true, false]) {
        const estimate = await estimateFootprint(file, options({ mmap }), cpu);
        const parts = sums(estimate);
        assertEquals(parts.get("repacked") ?? 0, estimate.bytes.repacked);
        assertEquals(parts.get("program"), PROGRAM_BYTES);
        assertEquals(parts.get("vocabulary"), estimate.bytes.vocabulary);
        assertEquals(parts.get("runtime"), estimate.bytes.runtime);
        assertEquals(
          parts.get("cache"),
          estimate.bytes.kvCache + estimate.bytes.recurrentState,
        );
        assertEquals(parts.has("mapped") && parts.has("copied"), false);
        assertEquals(sums(calibrate(estimate, 1.25)).has("measured"), true);
      }
    }
  }
  sums(estimateFromFileSize(1001));
});

Deno.test("an architecture that isn't known is answered, and the answer says so", async () => {
  const { confidence, notes, bytes } = await estimateFootprint(
    header("llama9"),
    options(),
    AVX2_CPU,
  );
  assertEquals(confidence, "unknown");
  assertEquals(notes.length, 1);
  assertEquals(bytes.compute > 0, true);
});

Deno.test("the seed's rule is half as much again", () => {
  const { bytes, jar } = estimateFromFileSize(1001);
  assertEquals([bytes.floor, bytes.workingSet, bytes.peak], [1502, 1502, 1502]);
  assertEquals(jar.workingSetBytes, 1502);
});

Deno.test("a context longer than a table of positions is refused", () => {
  const table = header("gpt2", {}, [tensor("position_embd.weight", 0, 512, 1024)]);
  checkPositions(table, 1024);
  const error = assertThrows(() => checkPositions(table, 1025), BrainjarError) as BrainjarError;
  assertEquals(error.code, "context-too-long");
  assertEquals(
    error.message,
    "A context of 1025 tokens is longer than the 1024 positions that this model knows",
  );
  checkPositions(header("llama"), 1_000_000);
});

Deno.test("the largest context that fits is the largest", async () => {
  const file = header("llama", { context_length: 10000 });
  const need = async (
    contextSize: number,
    figure: "floorBytes" | "workingSetBytes" = "workingSetBytes",
  ) => (await estimateFootprint(file, options({ contextSize }), AVX2_CPU)).jar[figure];
  const largest = (limit: number, cap?: number) =>
    largestContextThatFits(file, options(), AVX2_CPU, {
      bytes: limit,
      criterion: "working-set",
      ...(cap === undefined ? {} : { contextSize: cap }),
    });
  // Below some 7000 tokens this model takes more while it is loaded than afterwards.
  assertEquals(await largest(await need(8192)), 8192);
  assertEquals(await largest(await need(8192) - 1), 7936);
  assertEquals(await largest(Infinity), 10000);
  assertEquals(await largest(Infinity, 3000), 3000);
  assertEquals(await largest(0), 256);
  assertEquals(await largest(0, 100), 100);
  const measured = async (ratio: number) =>
    await largestContextThatFits(
      file,
      options(),
      AVX2_CPU,
      { bytes: await need(8192, "floorBytes"), criterion: "floor", ratio },
    );
  assertEquals([await measured(0.9), await measured(1)], [8192, 8192]);
  assertEquals(await measured(1.001), 7936);
  assertEquals(defaultContextSize(file), 4096);
  assertEquals(defaultContextSize(header("llama", { context_length: 1000 })), 1000);
});
