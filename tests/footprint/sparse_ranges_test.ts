import { assert, assertEquals } from "@std/assert";
import fastCheck from "fast-check";
import { sparseRanges } from "../../src/footprint/sparse_ranges.ts";
import { tensorBytes } from "../../src/llama_cpp/ggml/tensor_bytes.ts";
import type { GgufHeader, TensorInfo } from "../../src/gguf/header.ts";
import { AVX2_CPU, header, PLAIN_CPU } from "../llama_cpp/sample_header.ts";

const F32 = 0;
const Q4_0 = 2;
const DATA = 4096;

/** A file of these tensors, one after the other. */
function file(...tensors: [name: string, type: number, ...dimensions: number[]][]): GgufHeader {
  let offset = 0;
  const placed = tensors.map(([name, type, ...dimensions]): TensorInfo => {
    const tensor = { name, type, dimensions, offset, part: 0 };
    offset += tensorBytes(tensor);
    return tensor;
  });
  const fileBytes = DATA + offset;
  return {
    ...header("llama", {}, placed),
    parts: [{ path: "a.gguf", fileBytes, dataOffset: DATA }],
    fileBytes,
  };
}

const EMBEDDING = ["token_embd.weight", Q4_0, 512, 4000] as [string, number, number, number];
const OUTPUT = ["output.weight", Q4_0, 512, 4000] as [string, number, number, number];
const UP = ["blk.0.ffn_up.weight", Q4_0, 512, 8000] as [string, number, number, number];
const NORM = ["blk.0.ffn_norm.weight", F32, 512] as [string, number, number];

async function ends(header: GgufHeader, cpu = PLAIN_CPU) {
  return (await sparseRanges(header, cpu)).map(({ start, end }) => [start, end]);
}

Deno.test("sparse ranges: the embedding is looked up, what is multiplied is not", async () => {
  const looked = file(EMBEDDING).fileBytes;
  assertEquals(await ends(file(EMBEDDING, UP, OUTPUT)), [[0, looked]]);
});

Deno.test("sparse ranges: a tied embedding is multiplied too, unless that is done with a copy", async () => {
  const model = file(EMBEDDING, UP);
  assertEquals(await ends(model), [[0, DATA]]);
  assertEquals(await ends(model, AVX2_CPU), [[0, model.fileBytes]]);
});

Deno.test("sparse ranges: nothing reads weights any more that were laid out anew", async () => {
  const model = file(EMBEDDING, UP, NORM);
  assertEquals(await ends(model, AVX2_CPU), [[0, model.fileBytes]]);
});

Deno.test("sparse ranges: norms between matrices go with them", async () => {
  const model = file(UP, NORM, ["blk.1.ffn_up.weight", Q4_0, 512, 8000]);
  assertEquals(await ends(model), [[0, DATA]]);
});

Deno.test("sparse ranges: each part of a split model has its own", async () => {
  const whole = file(UP, EMBEDDING, OUTPUT);
  const tensors = whole.tensors.map((tensor, part) => ({ ...tensor, offset: 0, part }));
  const parts = tensors.map((tensor, part) => ({
    path: `${part}.gguf`,
    dataOffset: DATA,
    fileBytes: DATA + tensorBytes(tensor),
  }));
  assertEquals(await sparseRanges({ ...whole, tensors, parts }, PLAIN_CPU), [
    { path: "0.gguf", start: 0, end: DATA },
    { path: "1.gguf", start: 0, end: parts[1]?.fileBytes ?? 0 },
    { path: "2.gguf", start: 0, end: DATA },
  ]);
});

Deno.test("sparse ranges: in order, apart, inside the file, and never in a large matrix", async () => {
  const one = fastCheck.oneof(
    fastCheck.tuple(fastCheck.constantFrom("token_embd", "blk.0.ffn_up", "blk.0.ffn_norm")),
    fastCheck.tuple(fastCheck.constantFrom("blk.1.ffn_down", "output", "blk.2.attn_k")),
  );
  await fastCheck.assert(
    fastCheck.asyncProperty(
      fastCheck.uniqueArray(fastCheck.tuple(one, fastCheck.integer({ min: 1, max: 9000 })), {
        selector: ([[name]]) => name,
      }),
      fastCheck.constantFrom(PLAIN_CPU, AVX2_CPU),
      async (rows, cpu) => {
        const model = file(
          ...rows.map(([[name], count]): [string, number, number, number] => [
            `${name}.weight`,
            Q4_0,
            512,
            count,
          ]),
        );
        let reached = 0;
        const ranges = await sparseRanges(model, cpu);
        for (const { start, end } of ranges) {
          assert(start >= reached && end > start && end <= model.fileBytes);
          reached = end;
        }
        if (cpu !== PLAIN_CPU) return;
        for (const tensor of model.tensors) {
          const isLookedUp = tensor.name.startsWith("token_embd") &&
            model.tensors.some(({ name }) => name.startsWith("output"));
          if (isLookedUp || tensorBytes(tensor) < 1024 ** 2) continue;
          const [start, end] = [DATA + tensor.offset, DATA + tensor.offset + tensorBytes(tensor)];
          assert(!ranges.some((range) => range.start < end && range.end > start));
        }
      },
    ),
    { seed: 11 },
  );
});
