import { assertEquals } from "@std/assert";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { estimateByEngine } from "../../src/footprint/engine_estimate.ts";
import { namedCpu } from "../../src/machine/named_cpu.ts";
import type { CpuFeatures } from "../../src/llama_cpp/options.ts";
import { AVX2_CPU, header, options, PLAIN_CPU, tensor } from "../llama_cpp/sample_header.ts";

const AMX_CPU = namedCpu("sapphire-rapids", 4);
const [F32, Q4_0, Q8_0] = [0, 2, 8] as const;

/** A llama of one layer, whole enough for its graph to be followed. */
function model(type: number, tied: boolean) {
  const matrix = (name: string, columns: number, rows: number) => tensor(name, type, columns, rows);
  const [width, heads, forward, words] = [64, 64, 128, 1024];
  return header("llama", {
    block_count: 1,
    embedding_length: width,
    feed_forward_length: forward,
    "attention.head_count": 4,
    "attention.head_count_kv": 4,
  }, [
    matrix("token_embd.weight", width, words),
    ...tied ? [] : [matrix("output.weight", width, words)],
    tensor("output_norm.weight", F32, width),
    tensor("blk.0.attn_norm.weight", F32, width),
    tensor("blk.0.ffn_norm.weight", F32, width),
    ...["q", "k", "v", "output"].map((name) => matrix(`blk.0.attn_${name}.weight`, width, heads)),
    ...["gate", "up"].map((name) => matrix(`blk.0.ffn_${name}.weight`, width, forward)),
    matrix("blk.0.ffn_down.weight", forward, width),
  ]);
}

/** What llama.cpp's dry load says of it: the file's tensors, whatever a processor makes of them. */
async function dryLoadOf(file: ReturnType<typeof model>) {
  const { bytes } = await estimateFootprint(file, options(), PLAIN_CPU);
  const { weights, kvCache, recurrentState, compute } = bytes;
  return { modelBytes: weights, contextBytes: kvCache + recurrentState + compute };
}

async function compare(type: number, tied: boolean, cpu: CpuFeatures) {
  const file = model(type, tied);
  const header = await estimateFootprint(file, options(), cpu);
  const engine = await estimateByEngine(file, await dryLoadOf(file), options(), cpu);
  return { header, engine };
}

Deno.test("engine: where the dry load leaves nothing out, both say the same", async () => {
  const cases = [[Q4_0, false, AVX2_CPU], [Q8_0, true, AVX2_CPU], [
    Q8_0,
    false,
    PLAIN_CPU,
  ]] as const;
  for (const [type, tied, cpu] of cases) {
    const { header, engine } = await compare(type, tied, cpu);
    assertEquals(engine.bytes, header.bytes);
    assertEquals(engine.jar, header.jar);
    assertEquals([engine.estimator, engine.confidence, engine.notes], ["engine", "exact", []]);
    assertEquals(engine.dryLoad?.leftOutBytes, 0);
  }
});

Deno.test("engine: AMX's layout is added from the header, and the answer says so", async () => {
  const { header, engine } = await compare(Q8_0, false, AMX_CPU);
  assertEquals(engine.bytes, header.bytes);
  const rows = 1024 + 4 * 64 + 2 * 128;
  // 4 bytes more for each 32 weights: of all matrices but the embedding that is looked up.
  assertEquals(engine.dryLoad?.leftOutBytes, 4 * (rows * 64 + 64 * 128) / 32);
  assertEquals(engine.confidence, "bound");
  assertEquals(engine.notes.length, 1);
  assertEquals(
    /leaves out .* of weights .* added from the header/.test(engine.notes[0] ?? ""),
    true,
  );
});

Deno.test("engine: so is a tied embedding's copy in another layout", async () => {
  for (const [type, cpu] of [[Q4_0, AVX2_CPU], [Q8_0, AMX_CPU]] as const) {
    const { header, engine } = await compare(type, true, cpu);
    assertEquals(engine.bytes, header.bytes);
    assertEquals((engine.dryLoad?.leftOutBytes ?? 0) >= 1024 * 2 * 18, true);
    assertEquals(engine.confidence, "bound");
  }
});

Deno.test("engine: the dry load's figures replace the header's", async () => {
  const file = header("llama");
  const estimate = (await estimateFootprint(file, options(), AVX2_CPU)).bytes;
  const dryLoad = { modelBytes: 7, contextBytes: estimate.kvCache + 100 };
  const { bytes } = await estimateByEngine(file, dryLoad, options(), AVX2_CPU);
  assertEquals([bytes.weights, bytes.kvCache, bytes.compute], [7, estimate.kvCache, 100]);
  const small = { modelBytes: 7, contextBytes: 10 };
  const { bytes: less } = await estimateByEngine(file, small, options(), AVX2_CPU);
  assertEquals(less.kvCache + less.recurrentState + less.compute, 10);
});

Deno.test("engine: a graph that can't be followed is said, though the dry load counted it", async () => {
  const file = header("llama");
  const dryLoad = await dryLoadOf(file);
  const { confidence, notes } = await estimateByEngine(file, dryLoad, options(), AVX2_CPU);
  assertEquals([confidence, notes.length], ["bound", 1]);
});
