import { assertEquals } from "@std/assert";
import { metalBackend } from "../../../../src/llama_cpp/ggml/backends/metal.ts";
import { arrangeForMetal } from "../../../../src/llama_cpp/ggml/backends/metal_order.ts";
import { Graph } from "../../../../src/llama_cpp/ggml/graph.ts";
import { F16, F32, type Tensor } from "../../../../src/llama_cpp/ggml/tensor.ts";
import { cacheType, type KvCacheType } from "../../../../src/llama_cpp/ggml/types.ts";
import { checkOrders } from "./orders.ts";

const METAL = metalBackend({ id: "metal:0", backend: "metal", freeBytes: 1e10, isUnified: true });

/** How often each tensor is an operand of these. */
function usesIn(nodes: readonly Tensor[]): (tensor: Tensor) => number {
  return (tensor) => nodes.flatMap(({ sources }) => sources).filter((one) => one === tensor).length;
}

function arranged(nodes: readonly Tensor[]): readonly Tensor[] {
  return arrangeForMetal(nodes, () => {}, usesIn(nodes));
}

Deno.test("metal: what may run beside others comes with them", () => {
  const graph = new Graph();
  const x = graph.input(F32, [64, 8]);
  const weight = () => graph.leaf(F32, [64, 64]);
  const q = graph.multiplyMatrix(weight(), x);
  const k = graph.unary("SILU", q);
  const v = graph.multiplyMatrix(weight(), x);
  assertEquals(arranged([q, k, v]), [q, v, k]);
});

Deno.test("metal: a norm and its weight are computed as one, unless somebody else reads it", () => {
  const graph = new Graph();
  const x = graph.input(F32, [64, 8]);
  const norm = graph.rmsNorm(x);
  const scaled = graph.multiply(norm, graph.leaf(F32, [64]));
  const other = graph.multiplyMatrix(graph.leaf(F32, [64, 64]), x);
  assertEquals(arranged([norm, scaled, other]), [norm, scaled, other]);
  const reader = graph.unary("SILU", norm);
  assertEquals(arranged([norm, scaled, other, reader]), [norm, other, scaled, reader]);
});

Deno.test("metal: every order is one of the same nodes, operands first", () => {
  checkOrders(arranged);
});

Deno.test("metal: scratch behind results", () => {
  const graph = new Graph();
  const attention = (type: KvCacheType) => {
    const cache = () => graph.input(cacheType(type).number, [128, 4096, 8]);
    const mask = graph.input(F16, [4096, 512]);
    return METAL.bytesOf(
      graph.flashAttention(graph.input(F32, [128, 512, 32]), cache(), cache(), mask),
    );
  };
  const result = 128 * 32 * 512 * 4;
  const padding = 64 * (2 * 128 * 2 * 8 + 2 * 512);
  const blocks = 64 * 64;
  const partial = 4 * 32 * 32 * 32 * 130;
  const halves = 2 * 2 * 128 * 4096 * 8;
  assertEquals(attention("F16"), result + padding + blocks + partial + halves);
  // What is converted has the rows of halves.
  assertEquals(attention("Q8_0"), attention("F16"));
  const sorted = graph.argsort(graph.input(F32, [128, 16]));
  assertEquals(METAL.bytesOf(sorted), 2 * 128 * 16 * 4);
});
