import { assertEquals } from "@std/assert";
import { cudaBackend } from "../../../../src/llama_cpp/ggml/backends/cuda.ts";
import { Graph } from "../../../../src/llama_cpp/ggml/graph.ts";
import { F16, F32, type Tensor } from "../../../../src/llama_cpp/ggml/tensor.ts";
import { cacheType, type KvCacheType } from "../../../../src/llama_cpp/ggml/types.ts";

function card(computeCapability: number, isBiased = false) {
  const device = { id: "cuda:0", backend: "cuda", freeBytes: 1e9, isUnified: false } as const;
  return cudaBackend({ ...device, computeCapability }, isBiased);
}

/** Flash attention of 32 query heads, 512 tokens and 4096 cells. */
function attention(
  key: number,
  value: number,
  keyHeads: number,
  type: KvCacheType = "F16",
): Tensor {
  const graph = new Graph();
  const { number } = cacheType(type);
  return graph.flashAttention(
    graph.input(F32, [key, 512, 32]),
    graph.input(number, [key, 4096, keyHeads]),
    graph.input(number, [value, 4096, keyHeads]),
    graph.input(F16, [4096, 512]),
  );
}

Deno.test("cuda: which heads flash attention has kernels for", () => {
  const cases: readonly (readonly [key: number, value: number, keyHeads: number, can: boolean])[] =
    [
      [64, 64, 8, true],
      [128, 128, 32, true],
      [256, 256, 8, true],
      [96, 96, 32, true],
      [100, 100, 8, false],
      [192, 128, 4, true],
      [192, 128, 32, false],
      [192, 192, 4, false],
      [576, 512, 1, true],
      [576, 512, 32, false],
      [512, 512, 8, true],
      [320, 256, 1, true],
      [320, 256, 8, false],
    ];
  for (const [key, value, keyHeads, can] of cases) {
    assertEquals(
      card(90).supports(attention(key, value, keyHeads)),
      can,
      `${key} ${value} ${keyHeads}`,
    );
  }
  // Biased by distance, queries of one key can't be taken together.
  assertEquals(card(90, true).supports(attention(576, 512, 1)), false);
});

Deno.test("cuda: which caches flash attention reads, as the engine is built", () => {
  const types: readonly KvCacheType[] = [
    "F32",
    "F16",
    "BF16",
    "Q8_0",
    "Q5_1",
    "Q5_0",
    "Q4_1",
    "Q4_0",
  ];
  assertEquals(
    types.filter((type) => card(86).supports(attention(128, 128, 8, type))),
    ["F32", "F16", "BF16", "Q8_0", "Q4_0"],
  );
});

Deno.test("cuda: keys and values that aren't halves are converted behind the result", () => {
  const result = 128 * 32 * 512 * 4;
  const halves = 128 * 4096 * 8 * 2;
  assertEquals(card(90).bytesOf(attention(128, 128, 8)), result);
  assertEquals(card(90).bytesOf(attention(128, 128, 8, "Q8_0")), result + 2 * halves);
});

Deno.test("cuda: quantized rows are as long as kernels read", () => {
  const graph = new Graph();
  const bytes = (n0: number) => card(90).bytesOf(graph.input(cacheType("Q8_0").number, [n0, 3]));
  assertEquals(bytes(512), 3 * 16 * 34);
  assertEquals(bytes(64), 3 * 2 * 34 + 14 * 34);
});

Deno.test("cuda: what a weighted sum of experts reads stays until its end", () => {
  const graph = new Graph();
  const experts = graph.input(F32, [64, 2, 8]);
  const weights = graph.input(F32, [1, 2, 8]);
  const product = graph.multiply(experts, weights);
  const [first, second] = [0, 1].map(() => graph.view(product, [64, 8], product.s2));
  const sum = graph.add(first as Tensor, second as Tensor);
  const nodes = [product, first, second, sum] as Tensor[];
  const kept: (readonly [readonly Tensor[], Tensor])[] = [];
  assertEquals(
    card(90).arrange(nodes, (tensors, until) => kept.push([tensors, until]), () => 1),
    nodes,
  );
  assertEquals(kept.length, 1);
  assertEquals(kept[0]?.[0], [experts, weights]);
  assertEquals(kept[0]?.[1], sum);
});
