import { assert, assertEquals } from "@std/assert";
import type { GgufHeader, MetadataValue } from "../../../src/gguf/header.ts";
import { reserve } from "../../../src/llama_cpp/ggml/allocator.ts";
import { Builder, MissingWeight } from "../../../src/llama_cpp/graph/builder.ts";
import { planGraph } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { modelOf, shapeOf } from "../sample_header.ts";
import { computeBytes } from "../../../src/llama_cpp/graph/compute.ts";
import { EVERY_LAYER, layersToBuild } from "../../../src/llama_cpp/graph/layers.ts";
import { Model } from "../../../src/llama_cpp/graph/model.ts";
import { planBatch } from "../../../src/llama_cpp/graph/planned_batch.ts";
import { plannedModels } from "./models.ts";

/** The same model with its last layers again and again. */
function deepen(header: GgufHeader, architecture: string, layers: number): GgufHeader {
  const count = header.metadata.get(`${architecture}.block_count`);
  if (typeof count !== "number") throw new Error(`No block count for ${architecture}`);
  // The first layers may be unlike the others.
  const first = Math.min(2, count - 1);
  const original = (layer: number) =>
    layer < count ? layer : first + (layer - first) % (count - first);
  const metadata = new Map<string, MetadataValue>(header.metadata);
  for (const [key, value] of metadata) {
    if (typeof value !== "object" || value.length !== count || value.values === undefined) continue;
    const { values } = value;
    const longer = Array.from({ length: layers }, (_, layer) => values[original(layer)] ?? 0);
    metadata.set(key, { ...value, length: layers, values: longer });
  }
  metadata.set(`${architecture}.block_count`, layers);
  const tensors = header.tensors.filter(({ name }) => !name.startsWith("blk."));
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `blk.${original(layer)}.`;
    for (const tensor of header.tensors) {
      if (!tensor.name.startsWith(prefix)) continue;
      tensors.push({ ...tensor, name: `blk.${layer}.${tensor.name.slice(prefix.length)}` });
    }
  }
  return { ...header, metadata, tensors };
}

Deno.test("leaving out layers that repeat doesn't change the buffer", async () => {
  let shortened = 0;
  for (const { name, header, buffers } of await plannedModels()) {
    const { architecture } = shapeOf(header);
    for (const layers of [31, 50]) {
      const deep = deepen(header, architecture, layers);
      const source = modelOf(deep);
      const { build, shape } = source;
      const model = new Model(shape, deep);
      if (build === undefined) throw new Error(`No builder for ${architecture}`);
      if (new Builder(model, plan(model, buffers[0])).layers().toArray().length < layers) {
        shortened++;
      }
      for (const buffer of [buffers[0], buffers[3], buffers[5]]) {
        if (buffer === undefined) continue;
        const builder = new Builder(model, plan(model, buffer), { attempt: EVERY_LAYER });
        try {
          build(builder);
        } catch (error) {
          // The architecture itself decides which layers are which, so the copies don't fit.
          if (error instanceof MissingWeight) break;
          throw error;
        }
        const label = `${name} with ${layers} layers, ${JSON.stringify(buffer.options)}`;
        assertEquals(
          computeBytes(planGraph(source, buffer.options)).bytes,
          reserve(builder.graph).bytes,
          label,
        );
      }
    }
  }
  assert(shortened > 200, `${shortened} were shortened`);
});

function plan(
  model: Model,
  buffer: Awaited<ReturnType<typeof plannedModels>>[0]["buffers"][0] | undefined,
) {
  if (buffer === undefined) throw new Error("No buffer");
  return planBatch(model.hyperparameters, buffer.options);
}

Deno.test("few layers are all built, many by their first and last", () => {
  assertEquals(layersToBuild([1, 1, 1], 0).layers, [0, 1, 2]);
  assertEquals(layersToBuild([], 0).layers, []);
  const alike: number[] = Array(80).fill(7);
  assertEquals(layersToBuild(alike, 0), { layers: [0, 1, 2, 79], groups: [1, 2, 3] });
  const more = layersToBuild(alike, 1).layers;
  assertEquals(more.at(-1), 79);
  assertEquals((80 - more.length) % 6, 0);
  assert(more.length < 24);
  const every = Array.from({ length: 80 }, (_, layer) => layer);
  assertEquals(layersToBuild(alike, EVERY_LAYER), { layers: every });
  assertEquals(layersToBuild(every, 0), { layers: every });
});

Deno.test("layers after others of another kind have a longer lead", () => {
  const kinds = [1, 1, 1, ...Array(57).fill(7)];
  assertEquals(layersToBuild(kinds, 0), { layers: [0, 1, 2, 3, 4, 5, 6, 59], groups: [5, 6, 7] });
});

Deno.test("layers of a pattern are left out by whole patterns", () => {
  const kinds = Array.from({ length: 62 }, (_, layer) => layer % 6 === 5 ? 1 : 0);
  const kept = layersToBuild(kinds, 0).layers;
  assertEquals(kept.map((layer) => kinds[layer]), kinds.slice(0, kept.length));
  assertEquals(kept.at(-1), 61);
});
