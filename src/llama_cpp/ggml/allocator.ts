import type { Graph } from "./graph.ts";
import type { Tensor } from "./tensor.ts";
import { padTo, TENSOR_ALIGNMENT } from "./tensor_bytes.ts";

/**
 * The free ranges of one growing buffer, by address. Best fit among the ranges that lie between
 * live tensors; else the open end (ggml-alloc.c, `ggml_dyn_tallocr_alloc` and `_free_bytes`; on
 * the CPU a buffer has no largest size, so there is one chunk only).
 */
class FreeList {
  readonly #offsets = [0];
  readonly #sizes = [Infinity];
  highest = 0;

  take(bytes: number): number {
    const sizes = this.#sizes;
    const last = sizes.length - 1;
    let best = last;
    let bestSize = Infinity;
    for (let index = 0; index < last; index++) {
      const size = sizes[index] as number;
      // Of equal ranges the later one.
      if (size >= bytes && size <= bestSize) {
        best = index;
        bestSize = size;
      }
    }
    const offset = this.#offsets[best] as number;
    this.#offsets[best] = offset + bytes;
    sizes[best] = (sizes[best] as number) - bytes;
    if (sizes[best] === 0) this.#remove(best);
    if (offset + bytes > this.highest) this.highest = offset + bytes;
    return offset;
  }

  give(offset: number, bytes: number): void {
    if (bytes === 0) return;
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    let index = 0;
    while (index < offsets.length && (offsets[index] as number) < offset) index++;
    const before = index - 1;
    const joinsBefore = before >= 0 &&
      (offsets[before] as number) + (sizes[before] as number) === offset;
    const joinsAfter = index < offsets.length && offset + bytes === offsets[index];
    if (joinsBefore && joinsAfter) {
      sizes[before] = (sizes[before] as number) + bytes + (sizes[index] as number);
      this.#remove(index);
    } else if (joinsBefore) {
      sizes[before] = (sizes[before] as number) + bytes;
    } else if (joinsAfter) {
      offsets[index] = offset;
      sizes[index] = (sizes[index] as number) + bytes;
    } else {
      offsets.splice(index, 0, offset);
      sizes.splice(index, 0, bytes);
    }
  }

  /** All ranges as text, to compare. */
  describe(): string {
    return `${this.#offsets} ${this.#sizes}`;
  }

  #remove(index: number): void {
    this.#offsets.splice(index, 1);
    this.#sizes.splice(index, 1);
  }
}

/** Gives a tensor its place, over a dying operand's where that is possible. */
function place(free: FreeList, tensor: Tensor): void {
  if (tensor.isAllocated || tensor.isExternal || tensor.root !== undefined) return;
  tensor.isAllocated = true;
  if (tensor.mayOverwrite) {
    const { sources } = tensor;
    for (let index = 0; index < sources.length; index++) {
      const operand = sources[index] as Tensor;
      // Views are never marked allocated, so only tensors with memory of their own qualify.
      if (!operand.isAllocated || operand.isOutput) continue;
      if (operand.type !== tensor.type || !operand.sameShape(tensor)) continue;
      if (operand.children === 1 && operand.views === 0) {
        tensor.address = operand.address;
        operand.isAllocated = false;
        return;
      }
    }
  }
  tensor.address = free.take(padTo(tensor.bytes, TENSOR_ALIGNMENT));
}

function release(free: FreeList, tensor: Tensor): void {
  if (tensor.isOutput || !tensor.isAllocated) return;
  free.give(tensor.address, padTo(tensor.bytes, TENSOR_ALIGNMENT));
  tensor.isAllocated = false;
}

/** What the placement of a graph came to. */
export interface Reserved {
  readonly bytes: number;
  /**
   * Whether layers that were left out change nothing: two groups of them were placed alike and left
   * the buffer alike, so any number of groups between would be, too.
   */
  readonly repeats: boolean;
}

/**
 * Bytes of the one buffer in which llama.cpp runs this graph: inputs are placed first and live
 * until their last use, then each node in order, freeing operands that nobody reads any more
 * (ggml-alloc.c, `ggml_gallocr_alloc_graph_impl`). A graph can be measured once.
 */
export function reserve(graph: Graph): Reserved {
  const free = new FreeList();
  const [first = 0, second = 0, end = 0] = graph.groupStarts;
  const left: string[] = [];
  const { nodes } = graph;
  for (const leaf of graph.leafs) place(free, leaf);
  for (let position = 0; position < nodes.length; position++) {
    const { root, sources } = nodes[position] as Tensor;
    if (root !== undefined) root.views++;
    for (let index = 0; index < sources.length; index++) (sources[index] as Tensor).children++;
  }
  for (let position = 0; position < nodes.length; position++) {
    if (end > 0 && (position === second || position === end)) left.push(free.describe());
    const node = nodes[position] as Tensor;
    const { sources } = node;
    for (let index = 0; index < sources.length; index++) place(free, sources[index] as Tensor);
    place(free, node);
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index] as Tensor;
      source.children--;
      if (source.children !== 0 || source.views !== 0) continue;
      const root = source.root;
      if (root === undefined) {
        release(free, source);
      } else {
        root.views--;
        if (root.views === 0 && root.children === 0) release(free, root);
      }
    }
  }
  const repeats = graph.groupStarts.length === 0 ||
    (left.length === 2 && left[0] === left[1] && end - second === second - first &&
      nodes.slice(first, second).every((node, index) =>
        node.address === nodes[second + index]?.address
      ));
  return { bytes: free.highest, repeats };
}
