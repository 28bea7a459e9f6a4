import { assert, assertEquals } from "@std/assert";
import { upperBound } from "../../../src/llama_cpp/graph/bound.ts";
import { computeBytes } from "../../../src/llama_cpp/graph/compute.ts";
import { Model } from "../../../src/llama_cpp/graph/model.ts";
import { planGraph } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { planBatch } from "../../../src/llama_cpp/graph/planned_batch.ts";
import { allFamilies } from "../../../src/llama_cpp/models/families.ts";
import { ARCHITECTURES, modelOf, shapeOf } from "../sample_header.ts";
import { plannedModels } from "./models.ts";

Deno.test("the compute buffer is llama.cpp's own on every architecture", async () => {
  const seen = new Set<string>();
  for (const { name, header, buffers } of await plannedModels()) {
    const shape = shapeOf(header);
    seen.add(shape.architecture);
    const model = modelOf(header);
    for (const { options, bytes } of buffers) {
      const estimate = computeBytes(planGraph(model, options));
      const label = `${name} ${JSON.stringify(options)}`;
      assertEquals(estimate.bytes, bytes, label);
      assertEquals(estimate.confidence, "exact", label);
    }
  }
  const untested = [...ARCHITECTURES]
    .filter(([name, { graph }]) => graph !== undefined && !seen.has(name)).map(([name]) => name);
  assertEquals(untested, ["deepseek2-ocr"]);
});

Deno.test("the bound is above every buffer that llama.cpp planned", async () => {
  for (const { name, header, buffers } of await plannedModels()) {
    const shape = shapeOf(header);
    const model = new Model(shape, header);
    for (const { options, bytes } of buffers) {
      const bound = upperBound(model, planBatch(shape, options));
      assert(bound >= bytes, `${bound} is below ${bytes}: ${name} ${JSON.stringify(options)}`);
    }
  }
});

Deno.test("every architecture that generates text has a builder", () => {
  const missing = [...ARCHITECTURES]
    .filter(([, { purpose, graph }]) =>
      (purpose === "text" || purpose === "diffusion") && graph === undefined
    )
    .map(([name]) => name).sort();
  assertEquals(missing, []);
});

Deno.test("no architecture is in two families", async () => {
  const names = (await allFamilies()).flatMap((family) => [...family.keys()]);
  assertEquals(names.length, ARCHITECTURES.size);
});
