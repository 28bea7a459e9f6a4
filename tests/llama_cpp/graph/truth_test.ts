import { modelOf } from "../sample_header.ts";
import { assert, assertEquals } from "@std/assert";
import { readHeader } from "../../../src/gguf/read.ts";
import { contextSizes } from "../../../src/llama_cpp/memory/context_sizes.ts";
import { computeBytes } from "../../../src/llama_cpp/graph/compute.ts";
import { planGraph } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { kvCacheBytes } from "../../../src/llama_cpp/memory/kv_cache.ts";
import type { FootprintOptions } from "../../../src/llama_cpp/options.ts";
import { recurrentStateBytes } from "../../../src/llama_cpp/memory/recurrent_state.ts";
import { truthFile, truthModels } from "../../../fixtures/truth/files.ts";

Deno.test({
  name: "the compute buffer is llama.cpp's own on every row of truth",
  async fn() {
    const rows = Map.groupBy(await truthFile.read(), (row) => row.file);
    let checked = 0;
    for await (const { file, path } of truthModels()) {
      const header = await readHeader(path);
      const model = modelOf(header);
      const { shape } = model;
      for (const row of rows.get(file) ?? []) {
        const options: FootprintOptions = {
          ...row,
          kvCacheKeyType: row.kvCacheType,
          kvCacheValueType: row.kvCacheType,
          mmap: true,
        };
        const sizes = contextSizes(shape, options);
        const memory = kvCacheBytes(shape, sizes, options) + recurrentStateBytes(shape, sizes);
        const { bytes, confidence } = computeBytes(planGraph(model, options));
        const label = JSON.stringify(row);
        assertEquals(bytes, row.context - memory, label);
        assertEquals(confidence, "exact", label);
        checked++;
      }
    }
    assert(checked > 0);
  },
});
