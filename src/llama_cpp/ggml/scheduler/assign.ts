import { isViewOperation } from "../layout.ts";
import type { Tensor } from "../tensor.ts";
import type { Machine } from "./machine.ts";

/** Nobody yet. */
export const UNASSIGNED = -1;

/** Nodes and leafs of a graph. */
export interface ScheduledGraph {
  readonly nodes: readonly Tensor[];
  readonly leafs: readonly Tensor[];
}

/** Who computes each tensor of a graph (ggml-backend.cpp, `ggml_backend_sched_split_graph`). */
export class Assignment {
  constructor(readonly machine: Machine, readonly graph: ScheduledGraph) {}

  /** Assigns all of them, but for those that are already. */
  run(): void {
    const { nodes, leafs } = this.graph;
    for (const leaf of leafs) this.#assignByPlace(leaf);
    for (const node of nodes) this.#assignByPlace(node);
    this.#expand(1, true);
    this.#expand(-1, true);
    this.#expand(1, false);
    this.#expand(-1, false);
    for (const node of nodes) if (!isViewOperation(node)) this.#assignByOperands(node);
    for (const node of nodes) this.#assignRest(node);
  }

  /** The first backend that reads what lies there and computes `operation` with it. */
  #backendAt(tensor: Tensor, operation: Tensor): number {
    const { machine } = this;
    const home = (tensor.root ?? tensor).home;
    if (home === undefined) return UNASSIGNED;
    return machine.backends.findIndex((_, backend) =>
      machine.reads(backend, home) && machine.supports(backend, operation)
    );
  }

  /** Pass 1: where it lies, or where a weight lies that it is computed with (`_backend_id_from_cur`). */
  #assignByPlace(tensor: Tensor): void {
    if (tensor.backend !== UNASSIGNED) return;
    const { machine } = this;
    tensor.backend = this.#backendAt(tensor, tensor);
    if (tensor.backend !== UNASSIGNED) return;
    if (tensor.isInput) {
      tensor.backend = machine.cpu;
      return;
    }
    // Factors of rotation and sinks are too small to decide.
    if (tensor.op === "ROPE" || tensor.op === "FLASH_ATTN_EXT") return;
    for (const source of tensor.sources) {
      const { home } = source;
      if (home === undefined || !home.isWeight) continue;
      const backend = this.#backendAt(source, tensor);
      tensor.backend = backend === machine.cpu && home.isHost
        ? this.#takerOf(tensor) ?? backend
        : backend;
      return;
    }
  }

  /** Who copies weights out of RAM to compute this. */
  #takerOf(tensor: Tensor): number | undefined {
    const { machine } = this;
    const taker = machine.backends.findIndex((backend, index) =>
      index < machine.cpu && machine.supports(index, tensor) && backend.takes(tensor)
    );
    return taker < 0 ? undefined : taker;
  }

  /** Pass 2: neighbours in the order of computing, first of devices alone. */
  #expand(step: 1 | -1, devicesOnly: boolean): void {
    const { machine, graph: { nodes } } = this;
    let current = UNASSIGNED;
    for (
      let index = step === 1 ? 0 : nodes.length - 1;
      index >= 0 && index < nodes.length;
      index += step
    ) {
      const node = nodes[index] as Tensor;
      if (isViewOperation(node)) continue;
      if (node.backend !== UNASSIGNED) {
        current = devicesOnly && node.backend === machine.cpu ? UNASSIGNED : node.backend;
      } else if (current !== UNASSIGNED && machine.supports(current, node)) {
        node.backend = current;
      }
    }
  }

  /** Whether a backend reads an operand where it is. */
  readsOperand(backend: number, operand: Tensor): boolean {
    const { machine } = this;
    const root = operand.root ?? operand;
    if (root.home !== undefined) return machine.reads(backend, root.home);
    const at = operand.backend === UNASSIGNED ? root.backend : operand.backend;
    return at !== UNASSIGNED && machine.readsResultsOf(backend, at);
  }

  /** Pass 3: what nobody beside it computes goes to whom most operands are near. */
  #assignByOperands(node: Tensor): void {
    if (node.backend !== UNASSIGNED) return;
    const { machine } = this;
    let most = -1;
    for (let backend = 0; backend < machine.backends.length; backend++) {
      if (!machine.supports(backend, node)) continue;
      const near = node.sources.filter((source) =>
        (source.backend !== UNASSIGNED || (source.root?.backend ?? UNASSIGNED) !== UNASSIGNED) &&
        this.readsOperand(backend, source)
      ).length;
      if (near > most) {
        most = near;
        node.backend = backend;
      }
    }
  }

  /** Pass 4: views follow what they look into, operands whoever reads them first. */
  #assignRest(node: Tensor): void {
    const { machine } = this;
    if (node.root !== undefined && node.backend === UNASSIGNED) node.backend = node.root.backend;
    for (const source of node.sources) {
      if (source.backend !== UNASSIGNED) continue;
      source.backend = source.root === undefined ? node.backend : source.root.backend;
    }
    if (node.backend !== UNASSIGNED) return;
    node.backend = machine.backends.findIndex((_, backend) => machine.supports(backend, node));
  }
}
