import { assert, assertEquals } from "@std/assert";
import { upperBound } from "../../../src/footprint/graph/bound.ts";
import { BUILDERS } from "../../../src/footprint/graph/builders.ts";
import { computeBytes } from "../../../src/footprint/graph/compute.ts";
import { Model } from "../../../src/footprint/graph/model.ts";
import { makeReservation } from "../../../src/footprint/graph/reservation.ts";
import { readHyperparameters } from "../../../src/footprint/hyperparameters.ts";
import { ARCHITECTURES } from "../../../src/footprint/architectures.ts";
import { plannedModels } from "./models.ts";

/** Generate text, but their graph is bounded, not followed. */
const BOUNDED = ["deepseek4", "graniteswitch", "t5"];

Deno.test("the compute buffer is llama.cpp's own on every architecture", async () => {
  const seen = new Set<string>();
  for (const { name, header, buffers } of await plannedModels()) {
    const shape = readHyperparameters(header);
    seen.add(shape.architecture);
    for (const { options, bytes } of buffers) {
      const estimate = computeBytes(shape, header, options);
      const label = `${name} ${JSON.stringify(options)}`;
      assertEquals(estimate.bytes, bytes, label);
      assertEquals(estimate.confidence, "exact", label);
    }
  }
  const untested = [...BUILDERS.keys()].filter((name) => !seen.has(name));
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

Deno.test("every architecture that generates text has a builder, or is known to lack one", () => {
  const missing = [...ARCHITECTURES]
    .filter(([name, { purpose }]) =>
      (purpose === "text" || purpose === "diffusion") && !BUILDERS.has(name)
    )
    .map(([name]) => name).sort();
  assertEquals(missing, BOUNDED);
});
