import { assertEquals } from "@std/assert";
import { MissingWeight } from "../../../src/llama_cpp/graph/builder.ts";
import { EVERY_LAYER } from "../../../src/llama_cpp/graph/layers.ts";
import { Model } from "../../../src/llama_cpp/graph/model.ts";
import { type FusedOperation, planBatch } from "../../../src/llama_cpp/graph/planned_batch.ts";
import { buildGraph } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { modelOf } from "../sample_header.ts";
import { plannedModels } from "./models.ts";

/** Nodes by operation in the graph that llama.cpp reserves on Vulkan, which has none of the three. */
const STEP_BY_STEP = {
  "deepseek4-a": { ADD: 650, DIV: 395, FILL: 14, MUL: 313, SOFT_MAX: 16, SUM_ROWS: 401, VIEW: 659 },
  "deepseek4-c": { ADD: 518, DIV: 316, FILL: 10, MUL: 252, SOFT_MAX: 13, SUM_ROWS: 321, VIEW: 518 },
} as const;
const NODES = { "deepseek4-a": 3662, "deepseek4-c": 2950 } as const;

async function nodesByOperation(name: string, unfused: readonly FusedOperation[]) {
  const found = (await plannedModels()).find((model) => model.name === name);
  if (found === undefined) throw new TypeError(`No model ${name}`);
  const { shape, build } = modelOf(found.header);
  if (build === undefined) throw new TypeError(`${name} has no builder`);
  const plan = planBatch(shape, {
    contextSize: 4096,
    batchSize: 511,
    sequences: 1,
    flashAttention: true,
    kvCacheKeyType: "F16",
    kvCacheValueType: "F16",
    mmap: true,
  });
  const graph = buildGraph(
    build,
    new Model(shape, found.header),
    { ...plan, unfused: new Set(unfused) },
    { attempt: EVERY_LAYER },
  );
  if (graph instanceof MissingWeight) throw graph;
  return Map.groupBy(graph.nodes, ({ op }) => op);
}

for (const name of ["deepseek4-a", "deepseek4-c"] as const) {
  Deno.test(`${name}'s hyper-connections have llama.cpp's own steps where none is fused`, async () => {
    const all = ["DSV4_HC_PRE", "DSV4_HC_COMB", "DSV4_HC_POST"] as const;
    const nodes = await nodesByOperation(name, all);
    for (const [op, count] of Object.entries(STEP_BY_STEP[name])) {
      assertEquals(nodes.get(op)?.length, count, op);
    }
    for (const op of all) assertEquals(nodes.has(op), false, op);
    assertEquals(nodes.values().reduce((sum, list) => sum + list.length, 0), NODES[name]);
  });
}

Deno.test("each of them is given up by itself", async () => {
  const nodes = await nodesByOperation("deepseek4-c", ["DSV4_HC_COMB"]);
  assertEquals(nodes.has("DSV4_HC_COMB"), false);
  // Two a layer.
  assertEquals(nodes.get("DSV4_HC_PRE")?.length, 8);
  assertEquals(nodes.get("DSV4_HC_POST")?.length, 8);
});
