import { LEAF, Tensor } from "../tensor.ts";
import { isViewOperation } from "../layout.ts";
import type { Assignment } from "./assign.ts";

/** Inputs that a split has room for at first (GGML_SCHED_MAX_SPLIT_INPUTS). */
const SPLIT_INPUTS = 30;

/** Copies of inputs where batches overlap (GGML_SCHED_MAX_COPIES). */
export const PIPELINE_COPIES = 4;

/** A part of a graph that one backend computes. */
interface Split {
  readonly backend: number;
  readonly start: number;
  end: number;
  /** What it must copy first. */
  readonly inputs: Tensor[];
}

/** A graph as it is computed: the original's with copies of what lies elsewhere. */
export interface SplitGraph {
  readonly nodes: readonly Tensor[];
  readonly leafs: readonly Tensor[];
  /** Backends that the parts are computed on, in their order. */
  readonly parts: readonly number[];
}

function copyOf(tensor: Tensor, backend: number, isOutput: boolean): Tensor {
  const { n0, n1, n2, n3, s0, s1, s2, s3 } = tensor;
  const copy = new Tensor(tensor.type, [n0, n1, n2, n3], undefined, {
    ...LEAF,
    strides: [s0, s1, s2, s3],
  });
  copy.backend = backend;
  copy.isOutput = isOutput;
  return copy;
}

/** Keeps `kept` in its place until here: nothing is computed. */
function dependency(kept: readonly Tensor[], backend: number): Tensor {
  const [first] = kept;
  const root = first?.root ?? first;
  const node = new Tensor(first?.type ?? 0, [], kept, { ...LEAF, root, strides: undefined });
  node.backend = backend;
  return node;
}

/** Most operands of one node (GGML_MAX_SRC). */
const OPERANDS = 10;

/** Cuts an assigned graph into what each backend computes (pass 5 and what follows). */
export class Splitting {
  readonly #splits: Split[] = [];
  readonly #graphInputs: Tensor[] = [];
  /** Copies of a tensor for a backend, the current one first. */
  readonly #copies = new Map<Tensor, (readonly Tensor[] | undefined)[]>();
  /** Nodes whose operands were replaced by copies, with those that they had. */
  readonly #replaced: (readonly [node: Tensor, sources: readonly Tensor[]])[] = [];
  #capacity = 0;
  /** Counted where a backend asks. */
  #uses: Map<Tensor, number> | undefined;

  /** @param copies of each input: 1, or `PIPELINE_COPIES` */
  constructor(readonly assignment: Assignment, readonly copies: number) {}

  /** The graph with its copies. Operands stay replaced until `restore`. */
  run(): SplitGraph {
    this.#cut();
    return this.#join();
  }

  /** Gives all nodes their own operands back. */
  restore(): void {
    for (const [node, sources] of this.#replaced) node.sources = sources;
    for (const input of this.#graphInputs) input.isOutput = false;
  }

  #cut(): void {
    const { graph: { nodes } } = this.assignment;
    let split: Split | undefined;
    for (let index = 0; index < nodes.length; index++) {
      const node = nodes[index] as Tensor;
      if (isViewOperation(node)) continue;
      if (
        split === undefined || node.backend !== split.backend ||
        (split.inputs.length > 0 && this.#needsNewSplit(node, split))
      ) {
        if (split !== undefined) split.end = index;
        split = {
          backend: node.backend,
          start: split === undefined ? 0 : index,
          end: 0,
          inputs: [],
        };
        this.#splits.push(split);
        this.#capacity = 0;
      }
      this.#collectInputs(node, split);
    }
    if (split !== undefined) split.end = nodes.length;
  }

  #copiesOn(tensor: Tensor, backend: number): readonly Tensor[] | undefined {
    return this.#copies.get(tensor)?.[backend];
  }

  /** Weights from elsewhere are copied for a few nodes only, and a split has no room for many inputs. */
  #needsNewSplit(node: Tensor, { backend, inputs }: Split): boolean {
    const { assignment } = this;
    for (const source of node.sources) {
      if (source.backend === backend) continue;
      if (source.home?.isWeight === true && !assignment.readsOperand(backend, source)) return true;
      if (
        inputs.length >= this.#capacity && this.#copiesOn(source, backend) === undefined &&
        !assignment.readsOperand(backend, source)
      ) return true;
    }
    return false;
  }

  #setCopies(tensor: Tensor, backend: number, copies: readonly Tensor[]): void {
    const known = this.#copies.get(tensor) ?? [];
    known[backend] = copies;
    this.#copies.set(tensor, known);
  }

  #collectInputs(node: Tensor, split: Split): void {
    const { assignment, copies } = this;
    const { backend } = split;
    let replaced: Tensor[] | undefined;
    const { sources } = node;
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index] as Tensor;
      if (
        source.isInput && copies > 1 && this.#copiesOn(source, source.backend) === undefined
      ) {
        const others = Array.from(
          { length: copies - 1 },
          () => copyOf(source, source.backend, true),
        );
        source.isOutput = true;
        this.#setCopies(source, source.backend, [source, ...others]);
        this.#graphInputs.push(source);
      }
      if (source.backend === backend || assignment.readsOperand(backend, source)) continue;
      let made = this.#copiesOn(source, backend);
      if (made === undefined) {
        made = Array.from({ length: copies }, () => copyOf(source, backend, copies > 1));
        this.#setCopies(source, backend, made);
        if (split.inputs.length >= this.#capacity) {
          this.#capacity = this.#capacity === 0 ? SPLIT_INPUTS : 2 * this.#capacity;
        }
        split.inputs.push(source);
      }
      replaced ??= [...sources];
      replaced[index] = made[0] as Tensor;
    }
    if (replaced !== undefined) {
      this.#replaced.push([node, sources]);
      node.sources = replaced;
    }
  }

  /** How many operands of the graph a tensor was before there were copies. */
  #usesOf(tensor: Tensor): number {
    if (this.#uses === undefined) {
      this.#uses = new Map();
      const replaced = new Map(this.#replaced);
      for (const node of this.assignment.graph.nodes) {
        for (const source of replaced.get(node) ?? node.sources) {
          this.#uses.set(source, (this.#uses.get(source) ?? 0) + 1);
        }
      }
    }
    return this.#uses.get(tensor) ?? 0;
  }

  /** Nodes in the order of computing, with the copies that each part begins with. */
  #join(): SplitGraph {
    const { assignment: { graph, machine } } = this;
    const nodes: Tensor[] = [];
    for (const { backend, start, end, inputs } of this.#splits) {
      const kept = new Map<Tensor, Tensor[]>();
      const arranged = machine.backends[backend]?.arrange(
        graph.nodes.slice(start, end),
        (tensors, until) => {
          const all = kept.get(until) ?? [];
          for (const tensor of tensors) if (!all.includes(tensor)) all.push(tensor);
          kept.set(until, all);
        },
        (tensor) => this.#usesOf(tensor),
      ) ?? [];
      for (const input of inputs) {
        nodes.push(dependency([input], input.backend));
        nodes.push(this.#copiesOn(input, backend)?.[0] as Tensor);
      }
      for (const node of arranged) {
        nodes.push(node);
        const keep = kept.get(node) ?? [];
        for (let first = 0; first < keep.length; first += OPERANDS) {
          nodes.push(dependency(keep.slice(first, first + OPERANDS), backend));
        }
      }
    }
    const leafs: Tensor[] = [];
    if (this.copies > 1) {
      for (const input of this.#graphInputs) {
        leafs.push(...this.#copiesOn(input, input.backend) ?? []);
      }
      for (const { backend, inputs } of this.#splits) {
        for (const input of inputs) leafs.push(...this.#copiesOn(input, backend) ?? []);
      }
    }
    leafs.push(...graph.leafs);
    return { nodes, leafs, parts: this.#splits.map(({ backend }) => backend) };
  }
}
