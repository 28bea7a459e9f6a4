import { baseOf, isViewOperation } from "../layout.ts";
import type { Tensor } from "../tensor.ts";
import type { Keep } from "./backend.ts";

/** Nodes that may be computed as one. */
const MOST_FUSED = 16;

/** Operations that a chain which is computed as one begins with, and those that it goes on with. */
const FIRST_FUSED: ReadonlySet<string> = new Set(["ADD", "NORM", "RMS_NORM"]);
const FUSED: ReadonlySet<string> = new Set(["ADD", "MUL", "NORM", "RMS_NORM"]);

/** Operations that others may be computed before. */
const SAFE: ReadonlySet<string> = new Set(
  ("MUL_MAT MUL_MAT_ID ROPE NORM RMS_NORM GROUP_NORM L2_NORM SUM_ROWS SSM_CONV SSM_SCAN CLAMP TRI " +
    "DIAG MUL ADD SUB DIV GLU SCALE UNARY GET_ROWS SET_ROWS SET CPY CONT REPEAT").split(" "),
);

/** Nodes that are looked at for what may be computed now. */
const WINDOW = 64;

/** Nodes that are computed as one, and what they read and write. */
class Step {
  readonly isEmpty: boolean;
  readonly reads: readonly Tensor[];
  readonly writes: Tensor;

  constructor(readonly nodes: readonly Tensor[]) {
    const [first] = nodes as readonly [Tensor, ...Tensor[]];
    this.isEmpty = first.op === "NONE" || isViewOperation(first);
    this.reads = nodes.flatMap(({ sources }) => sources.map(baseOf));
    this.writes = baseOf(nodes.at(-1) ?? first);
  }

  get isSafe(): boolean {
    return this.isEmpty || SAFE.has(this.nodes[0]?.op ?? "");
  }
}

/** What some steps read and write, so that another may run beside them or not. */
class Ranges {
  readonly #read = new Set<Tensor>();
  readonly #written = new Set<Tensor>();

  add({ reads, writes }: Step): void {
    for (const tensor of reads) this.#read.add(tensor);
    this.#written.add(writes);
  }

  allow({ reads, writes }: Step): boolean {
    return !this.#read.has(writes) && !this.#written.has(writes) &&
      reads.every((tensor) => !this.#written.has(tensor));
  }
}

/** How many nodes from `start` on are computed as one (ggml-impl.h, `ggml_can_fuse`). */
function fusedFrom(
  nodes: readonly Tensor[],
  start: number,
  usesOf: (tensor: Tensor) => number,
): number {
  if (!FIRST_FUSED.has(nodes[start]?.op ?? "")) return 1;
  let count = 1;
  while (count < MOST_FUSED) {
    const last = nodes[start + count - 1] as Tensor;
    const next = nodes[start + count];
    if (next === undefined || !FUSED.has(next.op)) break;
    if (last.isOutput || last.root !== undefined || usesOf(last) !== 1) break;
    if (!next.sources.slice(0, 2).includes(last) || !next.sameShape(last)) break;
    count++;
  }
  return count;
}

/** ggml-metal-common.cpp, `ggml_graph_optimize`: what may run beside others comes with them. */
export function arrangeForMetal(
  nodes: readonly Tensor[],
  _keep: Keep,
  usesOf: (tensor: Tensor) => number,
): readonly Tensor[] {
  const steps: Step[] = [];
  for (let start = 0; start < nodes.length;) {
    const count = fusedFrom(nodes, start, usesOf);
    steps.push(new Step(nodes.slice(start, start + count)));
    start += count;
  }
  const order: Tensor[] = [];
  const taken = steps.map(() => false);
  let running = new Ranges();
  for (const [index, step] of steps.entries()) {
    if (taken[index]) continue;
    if (!step.isEmpty && !running.allow(step)) {
      const waiting = new Ranges();
      waiting.add(step);
      const end = Math.min(index + WINDOW, steps.length);
      for (let next = index + 1; next < end; next++) {
        const candidate = steps[next] as Step;
        if (taken[next]) continue;
        if (!candidate.isSafe) break;
        if ((candidate.isEmpty || running.allow(candidate)) && waiting.allow(candidate)) {
          running.add(candidate);
          order.push(...candidate.nodes);
          taken[next] = true;
        } else {
          waiting.add(candidate);
        }
      }
      running = new Ranges();
    }
    running.add(step);
    order.push(...step.nodes);
  }
  return order;
}
