import type { Graph } from "../llama_cpp/ggml/graph.ts";
import { type PlannedGraph, stepGraph } from "../llama_cpp/graph/planned_graph.ts";
import type { Tensor } from "../llama_cpp/ggml/tensor.ts";

/** Pages become resident whole. */
const PAGE = 4096;

/** A range of addresses in the compute buffer, its end not in it. */
type Range = readonly [start: number, end: number];

function pagesOf(address: number, bytes: number): Range {
  return [Math.floor(address / PAGE) * PAGE, Math.ceil((address + bytes) / PAGE) * PAGE];
}

/** Bytes of all ranges together, each byte once. */
function unionBytes(ranges: Range[]): number {
  let bytes = 0;
  let reached = 0;
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
    bytes += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return bytes;
}

/** Tensors with memory of their own in the compute buffer, in an order that only the model decides. */
function ownTensors(leafs: readonly Tensor[], nodes: readonly Tensor[]): Tensor[] {
  return leafs.concat(nodes).filter((tensor) => tensor.root === undefined && !tensor.isExternal);
}

/** Where a second group of layers lies where the first does, its nodes are left out. */
function nodesOnce({ nodes, groupStarts: [, second = 0, end = 0] }: Graph): readonly Tensor[] {
  return nodes.slice(0, second).concat(nodes.slice(end));
}

/**
 * Bytes of the compute buffer that become resident when at most `step` tokens pass the graph at
 * once and the logits of one are wanted.
 *
 * llama.cpp places every tensor for a whole batch with the logits of all its tokens; a smaller
 * batch through the same graph finds its tensors at the same places (ggml-alloc.c,
 * `ggml_gallocr_alloc_graph`) and writes only the beginning of each. So both graphs are built, the
 * large one says where, the small one how much.
 *
 * Nothing where the graph isn't known, or differs between the two.
 */
export function touchedComputeBytes(planned: PlannedGraph, step: number): number | undefined {
  const { placed } = planned;
  const used = stepGraph(planned, step);
  if (placed === undefined || used === undefined) return undefined;
  const places = ownTensors(placed.graph.leafs, nodesOnce(placed.graph));
  const sizes = ownTensors(used.leafs, used.nodes);
  if (places.length !== sizes.length) return undefined;
  return unionBytes(places.map((place, index) => {
    const bytes = sizes[index]?.bytes ?? place.bytes;
    return pagesOf(place.address, Math.min(bytes, place.bytes));
  }));
}
