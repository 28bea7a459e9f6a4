import { assert, assertEquals } from "@std/assert";
import { upperBound } from "../../../src/llama_cpp/graph/bound.ts";
import { BUILT_ARCHITECTURES, FAMILIES } from "../../../src/llama_cpp/models/builders.ts";
import { computeBytes } from "../../../src/llama_cpp/graph/compute.ts";
import { Model } from "../../../src/llama_cpp/graph/model.ts";
import { graphSource } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { makeReservation } from "../../../src/llama_cpp/graph/reservation.ts";
import { readHyperparameters } from "../../../src/llama_cpp/hyperparameters/hyperparameters.ts";
import { ARCHITECTURES } from "../../../src/llama_cpp/models/architectures.ts";
import { plannedModels } from "./models.ts";

Deno.test("the compute buffer is llama.cpp's own on every architecture", async () => {
  const seen = new Set<string>();
  for (const { name, header, buffers } of await plannedModels()) {
    const shape = readHyperparameters(header);
    seen.add(shape.architecture);
    const source = await graphSource(header, shape);
    for (const { options, bytes } of buffers) {
      const estimate = computeBytes(source, options);
      const label = `${name} ${JSON.stringify(options)}`;
      assertEquals(estimate.bytes, bytes, label);
      assertEquals(estimate.confidence, "exact", label);
    }
  }
  const untested = BUILT_ARCHITECTURES.filter((name) => !seen.has(name));
  assertEquals(untested, ["deepseek2-ocr"]);
});

Deno.test("the bound is above every buffer that llama.cpp planned", async () => {
  for (const { name, header, buffers } of await plannedModels()) {
    const shape = readHyperparameters(header);
    const model = new Model(shape, header);
    for (const { options, bytes } of buffers) {
      const window = model.number("attention.sliding_window");
      const bound = upperBound(model, makeReservation(shape, options, window));
      assert(bound >= bytes, `${bound} is below ${bytes}: ${name} ${JSON.stringify(options)}`);
    }
  }
});

Deno.test("every architecture that generates text has a builder", () => {
  const missing = [...ARCHITECTURES]
    .filter(([name, { purpose }]) =>
      (purpose === "text" || purpose === "diffusion") && !BUILT_ARCHITECTURES.includes(name)
    )
    .map(([name]) => name).sort();
  assertEquals(missing, []);
});

Deno.test("each family builds the architectures that it is loaded for", async () => {
  for (const { architectures, load } of FAMILIES) {
    assertEquals([...(await load()).BUILDERS.keys()], architectures);
  }
  assertEquals(new Set(BUILT_ARCHITECTURES).size, BUILT_ARCHITECTURES.length);
});
