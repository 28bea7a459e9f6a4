import { assert, assertEquals } from "@std/assert";
import { readHeader } from "../../../src/gguf/read.ts";
import { checkContextOptions } from "../../../src/llama_cpp/memory/check_context_options.ts";
import { computeBound } from "../../../src/footprint/compute_bound.ts";
import { contextSizes } from "../../../src/llama_cpp/memory/context_sizes.ts";
import type { KvCacheType } from "../../../src/llama_cpp/ggml/types.ts";
import { readHyperparameters } from "../../../src/llama_cpp/hyperparameters/hyperparameters.ts";
import { kvCacheBytes } from "../../../src/llama_cpp/memory/kv_cache.ts";
import { recurrentStateBytes } from "../../../src/llama_cpp/memory/recurrent_state.ts";
import { loadedWeights, weightBytes } from "../../../src/llama_cpp/memory/weights.ts";
import { truthModels, truthRows } from "../../truth.ts";
import { AVX2_CPU, options } from "../sample_header.ts";

/** Settings of memory.jsonl: what llama.cpp's `memory_breakdown` said of cache and state. */
const SETTINGS: readonly [number, number, number, boolean, KvCacheType, KvCacheType][] = [
  [300, 40, 3, false, "F16", "F16"],
  [5000, 512, 1, true, "F32", "F32"],
  [4096, 700, 2, true, "BF16", "BF16"],
  [8192, 512, 1, true, "Q8_0", "Q8_0"],
  [2048, 512, 2, true, "Q5_1", "Q5_1"],
  [2048, 100, 1, true, "Q5_0", "Q5_0"],
  [3000, 512, 1, true, "Q4_1", "Q4_1"],
  [1000, 2000, 1, true, "Q4_0", "Q4_0"],
  [40000, 512, 1, true, "IQ4_NL", "IQ4_NL"],
  [600, 512, 1, false, "Q8_0", "F16"],
];

function memoryByFile(): ReadonlyMap<string, readonly (number | null)[]> {
  const text = Deno.readTextFileSync(
    new URL("../../../fixtures/truth/memory.jsonl", import.meta.url),
  );
  const rows: { file: string; memory: (number | null)[] }[] = text.trim().split("\n")
    .map((line) => JSON.parse(line));
  return new Map(rows.map(({ file, memory }) => [file, memory]));
}

Deno.test({
  name: "weights, cache and state are llama.cpp's own on every model of truth",
  async fn() {
    const rows = Map.groupBy(truthRows(), (row) => row.file);
    const golden = memoryByFile();
    let models = 0;
    for await (const { file, path } of truthModels()) {
      models++;
      const header = await readHeader(path);
      const shape = readHyperparameters(header);
      const weights = weightBytes(loadedWeights(header, shape, AVX2_CPU));
      for (const row of rows.get(file) ?? []) {
        const type = row.kvCacheType as KvCacheType;
        const chosen = options({ ...row, kvCacheKeyType: type, kvCacheValueType: type });
        const sizes = contextSizes(header, shape, chosen);
        const memory = kvCacheBytes(shape, sizes, chosen) + recurrentStateBytes(shape, sizes);
        const label = `${file} ${JSON.stringify(chosen)}`;
        assertEquals(weights, row.model, label);
        assertEquals(Math.floor(memory / 2 ** 20), row.cacheMiB, label);
        assertEquals(Math.floor((row.context - memory) / 2 ** 20), row.computeMiB, label);
        assert(computeBound(shape, sizes, chosen) >= row.context - memory, `bound of ${label}`);
      }
      SETTINGS.forEach(([contextSize, batchSize, sequences, flashAttention, key, value], index) => {
        const chosen = options({
          contextSize,
          batchSize,
          sequences,
          flashAttention,
          kvCacheKeyType: key,
          kvCacheValueType: value,
        });
        const sizes = contextSizes(header, shape, chosen);
        const expected = golden.get(file)?.[index];
        const label = `${file} ${JSON.stringify(chosen)}`;
        let memory: number | null = null;
        try {
          checkContextOptions(shape, chosen);
          memory = kvCacheBytes(shape, sizes, chosen) + recurrentStateBytes(shape, sizes);
        } catch {
          // llama.cpp refuses these, and so must we
        }
        assertEquals(memory, expected, label);
      });
    }
    assertEquals(models, golden.size);
  },
});
