import { assert, assertEquals } from "@std/assert";
import { arrangeForVulkan } from "../../../../src/llama_cpp/ggml/backends/vulkan_order.ts";
import { vulkanBackend } from "../../../../src/llama_cpp/ggml/backends/vulkan.ts";
import { Graph } from "../../../../src/llama_cpp/ggml/graph.ts";
import { F32 } from "../../../../src/llama_cpp/ggml/tensor.ts";
import { checkOrders } from "./orders.ts";

const DEVICE = { id: "vulkan:0", backend: "vulkan", freeBytes: 2e9, isUnified: false } as const;

Deno.test("vulkan: matrices come before what waits for the first of them", () => {
  const graph = new Graph();
  const x = graph.input(F32, [64, 8]);
  const weight = () => graph.leaf(F32, [64, 64]);
  const q = graph.multiplyMatrix(weight(), x);
  const rotated = graph.unary("SILU", q);
  const k = graph.multiplyMatrix(weight(), x);
  const nodes = [q, rotated, k, graph.add(rotated, k)];
  assertEquals(arrangeForVulkan(nodes).map(({ op }) => op), ["MUL_MAT", "MUL_MAT", "UNARY", "ADD"]);
});

Deno.test("vulkan: what is computed as one stays together", () => {
  const graph = new Graph();
  const x = graph.input(F32, [64, 8]);
  const norm = graph.rmsNorm(x);
  const scaled = graph.multiply(norm, graph.leaf(F32, [64]));
  const other = graph.multiplyMatrix(graph.leaf(F32, [64, 64]), x);
  const nodes = [norm, scaled, other, graph.add(scaled, other)];
  assertEquals(
    arrangeForVulkan(nodes).map(({ op }) => op),
    ["RMS_NORM", "MUL", "MUL_MAT", "ADD"],
  );
});

Deno.test("vulkan: every order is one of the same nodes, operands first", () => {
  checkOrders(arrangeForVulkan);
});

Deno.test("vulkan: a tensor larger than the device takes is nothing for it", () => {
  const graph = new Graph();
  const product = (rows: number) =>
    graph.multiplyMatrix(graph.leaf(F32, [1024, rows]), graph.input(F32, [1024, 8]));
  const small = vulkanBackend({ ...DEVICE, largestTensorBytes: 2 ** 27 });
  assert(small.supports(product(2 ** 15)));
  assert(!small.supports(product(2 ** 15 + 1)));
  assert(vulkanBackend(DEVICE).supports(product(2 ** 19)));
  assert(!vulkanBackend(DEVICE).supports(product(2 ** 20)));
});
