import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { reserve } from "../../../src/llama_cpp/ggml/allocator.ts";
import { Graph } from "../../../src/llama_cpp/ggml/graph.ts";
import { F32, I32, LEAF, Tensor } from "../../../src/llama_cpp/ggml/tensor.ts";

function weight(...shape: number[]): Tensor {
  const tensor = new Tensor(F32, shape, undefined, LEAF);
  tensor.isExternal = true;
  return tensor;
}

Deno.test("weights take no room and inputs do", () => {
  const graph = new Graph();
  graph.expand(graph.multiplyMatrix(weight(8, 16), graph.input(F32, [8, 4])));
  assertEquals(reserve(graph).bytes, 8 * 4 * 4 + 16 * 4 * 4);
});

Deno.test("every tensor takes a multiple of 32 bytes", () => {
  const graph = new Graph();
  graph.expand(graph.argsort(graph.input(I32, [1])));
  assertEquals(reserve(graph).bytes, 64);
});

Deno.test("an operation in place takes its operand's room once nobody else reads it", () => {
  const graph = new Graph();
  const x = graph.multiplyMatrix(weight(8, 64), graph.input(F32, [8]));
  graph.expand(graph.scale(graph.scale(x)));
  assertEquals(reserve(graph).bytes, 32 + 256);

  const shared = new Graph();
  const y = shared.multiplyMatrix(weight(8, 64), shared.input(F32, [8]));
  shared.expand(shared.add(shared.scale(y), y));
  assertEquals(reserve(shared).bytes, 32 + 256 + 256);
});

Deno.test("an output keeps its room", () => {
  const graph = new Graph();
  const x = graph.multiplyMatrix(weight(8, 64), graph.input(F32, [8]));
  x.isOutput = true;
  graph.expand(graph.scale(x));
  assertEquals(reserve(graph).bytes, 32 + 256 + 256);
});

Deno.test("a view keeps its tensor alive and can't be written over", () => {
  const graph = new Graph();
  const x = graph.multiplyMatrix(weight(8, 64), graph.input(F32, [8]));
  graph.expand(graph.scale(graph.reshape(x, 8, 8)));
  assertEquals(reserve(graph).bytes, 32 + 256 + 256);
});

Deno.test("of the freed ranges the smallest that is large enough is taken", () => {
  const graph = new Graph();
  const input = graph.input(F32, [8]);
  input.isOutput = true;
  const kept = () => {
    const tensor = graph.expand(graph.make("CONCAT", [input], [8]));
    tensor.isOutput = true;
    return tensor;
  };
  const large = graph.expand(graph.make("CONCAT", [input], [256]));
  kept();
  const fitting = graph.expand(graph.make("CONCAT", [input], [64]));
  kept();
  graph.expand(graph.make("CONCAT", [large, fitting], [8]));
  const small = graph.expand(graph.make("CONCAT", [input], [56]));
  const total = reserve(graph).bytes;
  assertEquals(small.address, fitting.address);
  assertEquals(total, 4 * (8 + 256 + 8 + 64 + 8 + 8));
});

/** When a tensor's bytes must be there: from the node that writes it to the last that reads it. */
function lifetime(graph: Graph, tensor: Tensor): [number, number] {
  const start = graph.nodes.indexOf(tensor);
  let end = start;
  graph.nodes.forEach((node, index) => {
    if (node.sources.some((source) => source === tensor || source.root === tensor)) end = index;
  });
  return [tensor.isLeaf ? -1 : start, end];
}

Deno.test("no two living tensors overlap, in any graph", () => {
  const step = fc.record({
    kind: fc.constantFrom("fresh", "map", "add", "view"),
    a: fc.nat(),
    b: fc.nat(),
    size: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const graph = new Graph();
      const made: Tensor[] = [graph.input(F32, [16])];
      for (const { kind, a, b, size } of steps) {
        const x = made[a % made.length];
        const y = made[b % made.length];
        if (x === undefined || y === undefined) throw new Error("No tensor");
        if (kind === "fresh") made.push(graph.make("CONCAT", [x, y], [size * 8]));
        else if (kind === "map") made.push(graph.scale(x));
        else if (kind === "add") made.push(graph.add(x, y));
        else made.push(graph.view(x, [1]));
      }
      for (const tensor of made) graph.expand(tensor);
      const total = reserve(graph).bytes;
      const placed = [...graph.leafs, ...graph.nodes].filter((tensor) => tensor.root === undefined);
      for (const tensor of placed) {
        assert(tensor.address + tensor.bytes <= total);
        const [start, end] = lifetime(graph, tensor);
        for (const other of placed) {
          if (other === tensor) continue;
          const [otherStart, otherEnd] = lifetime(graph, other);
          // An operation in place starts where its operand ends.
          if (otherStart >= end || start >= otherEnd) continue;
          const apart = other.address >= tensor.address + tensor.bytes ||
            tensor.address >= other.address + other.bytes;
          assert(apart, `${start}–${end} and ${otherStart}–${otherEnd}`);
        }
      }
    }),
    { seed: 20240607, numRuns: 300 },
  );
});

Deno.test("groups of layers that are placed alike stand for any number, others don't", () => {
  const chain = (keeps: boolean) => {
    const graph = new Graph();
    let x = graph.input(F32, [64]);
    // Results change between two places, so two layers make a group.
    for (let layer = 0; layer < 7; layer++) {
      if ([1, 3, 5].includes(layer)) graph.groupStarts.push(graph.nodes.length);
      x = graph.expand(graph.multiplyMatrix(weight(64, 64), x));
      // What stays readable is in the way of everything after it.
      x.isOutput = keeps;
    }
    return reserve(graph);
  };
  assertEquals(chain(false), { bytes: 2 * 256, repeats: true });
  assertEquals(chain(true).repeats, false);
});
