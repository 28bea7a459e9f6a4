import { Chunk } from "./chunk.ts";
import type { Graph } from "./graph.ts";
import type { Tensor } from "./tensor.ts";
import { padTo, TENSOR_ALIGNMENT } from "./tensor_bytes.ts";

/** A buffer that grows as tensors take their place in it (ggml-alloc.c, `ggml_dyn_tallocr`). */
export interface GrowingBuffer {
  /** Answers the address. */
  take(bytes: number): number;
  give(address: number, bytes: number): void;
}

/** Where tensors lie, by who computes them. */
export interface TensorBuffers {
  /** The buffer that a tensor lies in. */
  bufferOf(tensor: Tensor): GrowingBuffer;
  /** Bytes that it takes there. */
  bytesOf(tensor: Tensor): number;
}

/** The one buffer of the CPU, of one chunk: RAM has buffers of any size. */
class RamBuffers implements TensorBuffers, GrowingBuffer {
  readonly #chunk = new Chunk(Infinity);

  /** Bytes that it came to. */
  get bytes(): number {
    return this.#chunk.highest;
  }

  take(bytes: number): number {
    const best = this.#chunk.bestFit(bytes);
    return this.#chunk.take(best < 0 ? this.#chunk.sizes.length - 1 : best, bytes);
  }

  give(address: number, bytes: number): void {
    this.#chunk.give(address, bytes);
  }

  bufferOf(): GrowingBuffer {
    return this;
  }

  /** All ranges as text, to compare. */
  describe(): string {
    return `${this.#chunk.offsets} ${this.#chunk.sizes}`;
  }

  bytesOf(tensor: Tensor): number {
    return padTo(tensor.bytes, TENSOR_ALIGNMENT);
  }
}

/** Gives a tensor its place, over a dying operand's where that is possible. */
function place(buffers: TensorBuffers, tensor: Tensor): void {
  if (tensor.isAllocated || tensor.isExternal || tensor.root !== undefined) return;
  tensor.isAllocated = true;
  if (tensor.mayOverwrite) {
    const { sources } = tensor;
    for (let index = 0; index < sources.length; index++) {
      const operand = sources[index] as Tensor;
      // Views are never marked allocated, so only tensors with memory of their own qualify.
      if (!operand.isAllocated || operand.isOutput) continue;
      if (operand.type !== tensor.type || !operand.sameLayout(tensor)) continue;
      if (operand.children === 1 && operand.views === 0) {
        tensor.address = operand.address;
        tensor.backend = operand.backend;
        operand.isAllocated = false;
        return;
      }
    }
  }
  tensor.address = buffers.bufferOf(tensor).take(buffers.bytesOf(tensor));
}

function release(buffers: TensorBuffers, tensor: Tensor): void {
  if (tensor.isOutput || !tensor.isAllocated) return;
  buffers.bufferOf(tensor).give(tensor.address, buffers.bytesOf(tensor));
  tensor.isAllocated = false;
}

/** Whether a node only says how long others must stay (split.ts). */
function isDependency({ root, isLeaf }: Tensor): boolean {
  return root !== undefined && isLeaf;
}

/**
 * Places all tensors of a graph: inputs are placed first and live until their last use, then each
 * node in order, freeing operands that nobody reads any more (ggml-alloc.c,
 * `ggml_gallocr_alloc_graph_impl`).
 *
 * @param atNode is told before each node which one it is
 */
export function placeGraph(
  { nodes, leafs }: { readonly nodes: readonly Tensor[]; readonly leafs: readonly Tensor[] },
  buffers: TensorBuffers,
  atNode?: (position: number) => void,
): void {
  for (const leaf of leafs) place(buffers, leaf);
  for (let position = 0; position < nodes.length; position++) {
    const node = nodes[position] as Tensor;
    const { root, sources } = node;
    if (root !== undefined && !isDependency(node)) root.views++;
    for (let index = 0; index < sources.length; index++) (sources[index] as Tensor).children++;
  }
  for (let position = 0; position < nodes.length; position++) {
    atNode?.(position);
    const node = nodes[position] as Tensor;
    const { sources } = node;
    for (let index = 0; index < sources.length; index++) place(buffers, sources[index] as Tensor);
    place(buffers, node);
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index] as Tensor;
      source.children--;
      if (source.children !== 0 || source.views !== 0) continue;
      const root = source.root;
      if (root === undefined) {
        release(buffers, source);
      } else {
        root.views--;
        if (root.views === 0 && root.children === 0) release(buffers, root);
      }
    }
  }
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
 * Bytes of the one buffer in which llama.cpp runs this graph on the CPU. A graph can be measured
 * once.
 */
export function reserve(graph: Graph): Reserved {
  const buffers = new RamBuffers();
  const [first = 0, second = 0, end = 0] = graph.groupStarts;
  const left: string[] = [];
  const { nodes } = graph;
  placeGraph(graph, buffers, (position) => {
    if (end > 0 && (position === second || position === end)) left.push(buffers.describe());
  });
  const repeats = graph.groupStarts.length === 0 ||
    (left.length === 2 && left[0] === left[1] && end - second === second - first &&
      nodes.slice(first, second).every((node, index) =>
        node.address === nodes[second + index]?.address
      ));
  return { bytes: buffers.bytes, repeats };
}
