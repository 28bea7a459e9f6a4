import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../../src/llama_cpp/ggml/backends/backend.ts";
import { cpuBackend } from "../../../src/llama_cpp/ggml/backends/cpu.ts";
import { cudaBackend } from "../../../src/llama_cpp/ggml/backends/cuda.ts";
import { Graph } from "../../../src/llama_cpp/ggml/graph.ts";
import { schedule } from "../../../src/llama_cpp/ggml/scheduler/schedule.ts";
import { F32, I32, type Tensor } from "../../../src/llama_cpp/ggml/tensor.ts";

const CARD = cudaBackend(
  { id: "cuda:0", backend: "cuda", freeBytes: 1e9, isUnified: false },
  false,
);

/** Where tests' weights lie. */
type At = "first" | "second" | "ram" | "repacked";

function weightIn(graph: Graph, cpu: number, at: At, shape: readonly number[], type = F32): Tensor {
  const tensor = graph.leaf(type, shape);
  tensor.isExternal = true;
  tensor.home = {
    backend: at === "first" ? 0 : at === "second" ? 1 : cpu,
    isWeight: true,
    isHost: at === "ram",
    isPinned: false,
  };
  return tensor;
}

/** A chain of multiplications with 256 x 256 weights, each at its place, on so many tokens. */
function chain(places: readonly At[], tokens: number, cards = 1) {
  const graph = new Graph();
  const backends: Backend[] = [...Array.from({ length: cards }, () => CARD), cpuBackend()];
  let x = graph.input(F32, [256, tokens]);
  const products: Tensor[] = [];
  for (const at of places) {
    x = graph.multiplyMatrix(weightIn(graph, cards, at, [256, 256]), x);
    products.push(x);
  }
  x.isOutput = true;
  graph.expand(x);
  return { graph, backends, products };
}

const WEIGHT = 256 * 256 * 4;

Deno.test("scheduler: what is computed with a weight is computed where it lies", () => {
  const { graph, backends } = chain(["first", "ram", "ram", "first"], 8);
  assertEquals(schedule(graph, { backends, pipelined: false }).parts, [0, 1, 0]);
});

Deno.test("scheduler: a batch from 32 on takes weights out of RAM with it, unless they are laid out anew", () => {
  const small = chain(["first", "ram", "first"], 31);
  assertEquals(schedule(small.graph, { ...small, pipelined: false }).parts, [0, 1, 0]);
  const large = chain(["first", "ram", "first"], 32);
  const { parts, bytes } = schedule(large.graph, { ...large, pipelined: false });
  // A part of its own, so that what the weight was copied to can be had again.
  assertEquals(parts, [0, 0]);
  assert((bytes[0] ?? 0) >= WEIGHT, `${bytes}`);
  const anew = chain(["first", "repacked", "first"], 32);
  assertEquals(schedule(anew.graph, { ...anew, pipelined: false }).parts, [0, 1, 0]);
});

Deno.test("scheduler: copies of weights don't pile up", () => {
  const one = chain(["first", "ram"], 64);
  const many = chain(["first", ...Array.from({ length: 20 }, (): At => "ram")], 64);
  const [few = 0] = schedule(one.graph, { ...one, pipelined: false }).bytes;
  const [most = 0] = schedule(many.graph, { ...many, pipelined: false }).bytes;
  assert(most < few + 3 * WEIGHT, `${few} ${most}`);
});

Deno.test("scheduler: what a device can't compute falls to the CPU, and back", () => {
  const graph = new Graph();
  const x = graph.multiplyMatrix(
    weightIn(graph, 1, "first", [256, 256]),
    graph.input(F32, [256, 64]),
  );
  const odd = graph.make("NOBODY_KNOWS", [x], [256, 64]);
  const y = graph.multiplyMatrix(weightIn(graph, 1, "first", [256, 256]), odd);
  graph.expand(y);
  const backends = [CARD, cpuBackend()];
  assertEquals(schedule(graph, { backends, pipelined: false }).parts, [0, 1, 0]);
  assertEquals([x.backend, odd.backend, y.backend], [0, 1, 0]);
});

Deno.test("scheduler: views are where they look, and rows are looked up in RAM", () => {
  const graph = new Graph();
  const ids = graph.input(I32, [64]);
  const embedded = graph.getRows(weightIn(graph, 1, "ram", [256, 1000]), ids);
  const half = graph.view(embedded, [128, 64], embedded.s1);
  const y = graph.multiplyMatrix(weightIn(graph, 1, "first", [128, 256]), half);
  graph.expand(y);
  const { parts, bytes } = schedule(graph, { backends: [CARD, cpuBackend()], pipelined: false });
  assertEquals(parts, [1, 0]);
  assertEquals([embedded.backend, half.backend, y.backend], [1, 1, 0]);
  // The view is copied with its gaps, but for the last row's.
  assertEquals(bytes, [63 * 256 * 4 + 128 * 4 + 64 * 256 * 4, 64 * 4 + 64 * 256 * 4]);
});

Deno.test("scheduler: inputs are there four times where batches overlap", () => {
  const { graph, backends } = chain(["first", "second"], 64, 2);
  const plain = schedule(graph, { backends, pipelined: false }).bytes;
  const pipelined = schedule(graph, { backends, pipelined: true }).bytes;
  const input = 64 * 256 * 4;
  assertEquals(plain.at(-1), input);
  assertEquals(pipelined.at(-1), 4 * input);
  // The input's copies on the first, the first product's on the second, and each product.
  assertEquals(pipelined.slice(0, 2), [4 * input + input, 4 * input + input]);
});

Deno.test("scheduler: a pin holds where the backend can compute it", () => {
  const { graph, backends, products } = chain(["first", "first"], 8);
  const pinned = (tensor: Tensor) => tensor === products[1] ? 1 : undefined;
  schedule(graph, { backends, pipelined: false, pinned });
  assertEquals(products.map(({ backend }) => backend), [0, 1]);
});

Deno.test("scheduler: a graph may be scheduled again", () => {
  const { graph, backends } = chain(["first", "ram", "second", "ram"], 40, 2);
  const options = { backends, pipelined: true };
  assertEquals(schedule(graph, options), schedule(graph, options));
});

const PLACES = fc.constantFrom<At>("first", "second", "ram", "repacked");

/** A graph of sums and products whose operands are any of what was made before. */
function anyGraph(
  steps: readonly { readonly at: At; readonly a: number; readonly sum: boolean }[],
) {
  const graph = new Graph();
  const made = [graph.input(F32, [64, 40])];
  for (const { at, a, sum } of steps) {
    const x = made[a % made.length] as Tensor;
    const y = sum
      ? graph.add(x, made.at(-1) as Tensor)
      : graph.multiplyMatrix(weightIn(graph, 2, at, [64, 64]), x);
    made.push(graph.expand(y));
  }
  return graph;
}

Deno.test("scheduler: everybody has a backend, and no two living tensors of one overlap", () => {
  const steps = fc.array(fc.record({ at: PLACES, a: fc.nat(), sum: fc.boolean() }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(fc.property(steps, fc.boolean(), (steps, pipelined) => {
    const graph = anyGraph(steps);
    const backends = [CARD, CARD, cpuBackend()];
    const { bytes } = schedule(graph, {
      backends,
      pipelined,
      look({ nodes, leafs }) {
        const all = [...leafs, ...nodes];
        for (const tensor of all) assert(backends[tensor.backend] !== undefined);
        // What a node reads and what it makes are alive at once.
        for (const node of nodes) {
          const alive = [node, ...node.sources].filter((one) =>
            one.root === undefined && !one.isExternal
          );
          for (const one of alive) {
            for (const other of alive) {
              if (one === other || one.backend !== other.backend) continue;
              const apart = one.address + one.bytes <= other.address ||
                other.address + other.bytes <= one.address;
              const isSame = one.address === other.address && node.mayOverwrite;
              assert(apart || isSame);
            }
          }
        }
      },
    });
    assert(bytes.every((one) => Number.isSafeInteger(one) && one >= 0));
    for (const node of graph.nodes) {
      assert(node.sources.every((source) => source.isLeaf || graph.nodes.includes(source)));
    }
  }));
});
