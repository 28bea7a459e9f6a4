import { assert, assertEquals } from "@std/assert";
import { computeBytes } from "../../src/llama_cpp/graph/compute.ts";
import { planGraph } from "../../src/llama_cpp/graph/planned_graph.ts";
import { PROMPT_STEP } from "../../src/footprint/prompt_steps.ts";
import { touchedComputeBytes } from "../../src/footprint/touched_compute.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { modelOf, options } from "../llama_cpp/sample_header.ts";

const DEMO = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;

Deno.test("touched compute: grows with the step, and stays within the buffer", async () => {
  const header = await readHeader(DEMO);
  const model = modelOf(header);
  for (const flashAttention of [true, false]) {
    const chosen = options({ flashAttention });
    const all = computeBytes(planGraph(model, chosen)).bytes;
    const touched = [1, 8, PROMPT_STEP, 512].map((step) =>
      touchedComputeBytes(planGraph(model, chosen), step) ?? NaN
    );
    for (const [index, bytes] of touched.entries()) {
      assert(bytes > 0 && bytes <= Math.ceil(all / 4096) * 4096, `${bytes} of ${all}`);
      assert(index === 0 || bytes >= (touched[index - 1] ?? 0), `${touched}`);
    }
    assert((touched[2] ?? 0) < all / 2, "A step touches little of a whole batch's buffer");
  }
});

Deno.test("touched compute: an architecture without a graph has none", async () => {
  const header = await readHeader(DEMO);
  const planned = planGraph({ ...modelOf(header), build: undefined }, options());
  assertEquals(touchedComputeBytes(planned, PROMPT_STEP), undefined);
});
