import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Graph } from "../../../../src/llama_cpp/ggml/graph.ts";
import { F32, type Tensor } from "../../../../src/llama_cpp/ggml/tensor.ts";

/** Holds what a backend makes of any nodes against what every order must be. */
export function checkOrders(arrange: (nodes: readonly Tensor[]) => readonly Tensor[]): void {
  const step = fc.record({ kind: fc.constantFrom("mul", "add", "norm", "view"), a: fc.nat() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const graph = new Graph();
    const made: Tensor[] = [graph.input(F32, [32, 4])];
    for (const { kind, a } of steps) {
      const x = made[a % made.length] as Tensor;
      made.push(
        kind === "mul"
          ? graph.multiplyMatrix(graph.leaf(F32, [32, 32]), x)
          : kind === "add"
          ? graph.add(x, made.at(-1) as Tensor)
          : kind === "norm"
          ? graph.rmsNorm(x)
          : graph.view(x, [32, 4], x.s1),
      );
    }
    const nodes = made.slice(1);
    const order = arrange(nodes);
    assertEquals(new Set(order), new Set(nodes));
    assertEquals(order.length, nodes.length);
    for (const [index, node] of order.entries()) {
      for (const source of node.sources) {
        assert(!nodes.includes(source) || order.indexOf(source) < index);
      }
    }
  }));
}
