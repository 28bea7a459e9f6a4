import { assertEquals } from "@std/assert";
import { maxGraphNodes } from "../../../src/llama_cpp/memory/graph_nodes.ts";
import { ARCHITECTURES, header, shapeOf, tensor } from "../sample_header.ts";

/** The same weight as often as a model has tensors. */
const tensors = (count: number) =>
  Array.from({ length: count }, (_, index) => tensor(`blk.${index}.ffn_up.weight`, 8, 32, 32));

Deno.test("a graph has places for as many nodes as graph_max_nodes says", () => {
  const cases = [
    ["llama", 21, 512, 1024],
    ["llama", 435, 512, 3480],
    ["llama", 435, 64, 3480],
    ["gemma3", 129, 512, 1032],
    ["qwen35", 61, 512, 20480],
    ["qwen35", 61, 64, 2560],
    ["qwen3next", 1000, 512, 32000],
    ["kimi-k3", 100, 512, 81920],
    ["no-such-architecture", 61, 512, 20480],
  ] as const;
  for (const [architecture, count, batch, nodes] of cases) {
    const file = header(architecture, { "attention.kv_lora_rank": 64 }, tensors(count));
    assertEquals(maxGraphNodes(shapeOf(file), file, batch), nodes, `${architecture} ${count}`);
  }
});

Deno.test("the architectures with places of their own are llama.cpp's", () => {
  const own = [...ARCHITECTURES].filter(([, { graphNodes }]) => graphNodes !== undefined);
  // DFlash, which drafts and makes no text, is left out.
  assertEquals(own.map(([name]) => name).sort(), [
    "bailingmoe3",
    "deepseek4",
    "kimi-k3",
    "kimi-linear",
    "minimax-01",
    "minimax-m3",
    "nanbeige",
    "qwen35",
    "qwen35moe",
    "qwen3next",
    "qwen4exp",
  ]);
});
