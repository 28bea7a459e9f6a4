import { assertEquals } from "@std/assert";
import { readHeader } from "../../../src/gguf/read.ts";
import { checkContextOptions } from "../../../src/llama_cpp/models/check_context_options.ts";
import { contextSizes } from "../../../src/llama_cpp/memory/context_sizes.ts";
import { kvCacheBytes } from "../../../src/llama_cpp/memory/kv_cache.ts";
import { recurrentStateBytes } from "../../../src/llama_cpp/memory/recurrent_state.ts";
import { loadedWeights, weightBytes } from "../../../src/llama_cpp/memory/weights.ts";
import { memoryFile, truthFile, truthModels } from "../../../fixtures/truth/files.ts";
import { AVX2_CPU, modelOf, options } from "../sample_header.ts";

Deno.test({
  name: "weights, cache and state are llama.cpp's own on every model of truth",
  async fn() {
    const rows = Map.groupBy(await truthFile.read(), (row) => row.file);
    const memoryRows = Map.groupBy(await memoryFile.read(), (row) => row.file);
    let models = 0;
    for await (const { file, path } of truthModels()) {
      models++;
      const header = await readHeader(path);
      const model = modelOf(header);
      const { shape } = model;
      const weights = weightBytes(loadedWeights(header, shape, AVX2_CPU));
      for (const row of rows.get(file) ?? []) {
        const { kvCacheType } = row;
        const types = { kvCacheKeyType: kvCacheType, kvCacheValueType: kvCacheType };
        const chosen = options({ ...row, ...types });
        const sizes = contextSizes(shape, chosen);
        const memory = kvCacheBytes(shape, sizes, chosen) + recurrentStateBytes(shape, sizes);
        const label = `${file} ${JSON.stringify(chosen)}`;
        assertEquals(weights, row.model, label);
        assertEquals(Math.floor(memory / 2 ** 20), row.cacheMiB, label);
        assertEquals(Math.floor((row.context - memory) / 2 ** 20), row.computeMiB, label);
      }
      for (const { memory: expected, ...row } of memoryRows.get(file) ?? []) {
        const chosen = options(row);
        const sizes = contextSizes(shape, chosen);
        const label = `${file} ${JSON.stringify(chosen)}`;
        let memory: number | null = null;
        try {
          checkContextOptions(model, chosen);
          memory = kvCacheBytes(shape, sizes, chosen) + recurrentStateBytes(shape, sizes);
        } catch {
          // llama.cpp refuses these, and so must we
        }
        assertEquals(memory, expected, label);
      }
    }
    assertEquals(models, memoryRows.size);
  },
});
