import { baseOf, isViewOperation } from "../layout.ts";
import type { Tensor } from "../tensor.ts";

/** Operations that are computed as one where they follow each other (ggml-vulkan.cpp). */
const PATTERNS: readonly (readonly string[])[] = [
  "SOFT_MAX RESHAPE ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE",
  "UNARY RESHAPE ADD ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE",
  "UNARY SQRT RESHAPE ADD ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE",
  "SOFT_MAX RESHAPE ARGSORT VIEW GET_ROWS",
  "ARGSORT VIEW GET_ROWS RESHAPE SOFT_MAX RESHAPE",
  "MUL SIN SQR MUL ADD",
].map((pattern) => pattern.split(" "));

/** One that isn't torn apart within, either. */
const INDEXER_PATTERN = "GET_ROWS PERMUTE CONT CPY RESHAPE ADD TOP_K".split(" ");

/** A node may follow one before it at once where both are computed as one. */
const FUSED: ReadonlySet<string> = new Set([
  "RMS_NORM MUL",
  "MUL_MAT ADD",
  "MUL_MAT_ID ADD_ID",
  "MUL_MAT_ID MUL",
  "ADD ADD",
  "SSM_CONV ADD",
  "SSM_CONV UNARY",
]);

/** Nodes that are looked at for each that is taken. */
const WINDOW = 20;
/** Nodes in which a third operation of a chain is looked for. */
const CHAIN = 15;
/** Nodes in which a view and what it writes are looked for behind a rotation. */
const ROPE_CHAIN = 10;

function isEmpty(node: Tensor): boolean {
  return node.op === "NONE" || isViewOperation(node);
}

/** Whether `node` must come after `earlier`: it reads it, or one writes where the other reads. */
function follows(node: Tensor, earlier: Tensor): boolean {
  const base = baseOf(node);
  const earlierBase = baseOf(earlier);
  if (base === earlierBase) return true;
  const { sources } = node;
  const areReal = !isEmpty(node) && !isEmpty(earlier);
  for (let index = 0; index < sources.length; index++) {
    const source = sources[index] as Tensor;
    if (source === earlier || (areReal && baseOf(source) === earlierBase)) return true;
  }
  if (!areReal) return false;
  const others = earlier.sources;
  for (let index = 0; index < others.length; index++) {
    if (baseOf(others[index] as Tensor) === base) return true;
  }
  return false;
}

/** The order in which ggml-vulkan computes a split, so that more runs at once. */
class Order {
  readonly #taken: boolean[];
  readonly #done = new Set<Tensor>();
  readonly #order: Tensor[] = [];
  #first = 0;
  /** Those that are taken next, by their number. */
  #current: number[] = [];

  constructor(private readonly nodes: readonly Tensor[]) {
    this.#taken = nodes.map(() => false);
  }

  run(): readonly Tensor[] {
    const { nodes } = this;
    while (this.#first < nodes.length) {
      if (this.#takePattern()) continue;
      this.#current = [this.#first];
      this.#collectReal();
      if (this.#node(this.#current.at(-1) ?? 0).op !== "ADD") this.#collectViews();
      for (const index of this.#current) this.#take(index);
      this.#advance();
    }
    return this.#order;
  }

  #node(index: number): Tensor {
    return this.nodes[index] as Tensor;
  }

  #take(index: number): void {
    const node = this.#node(index);
    this.#order.push(node);
    this.#done.add(node);
    this.#taken[index] = true;
  }

  #advance(): void {
    while (this.#taken[this.#first] === true) this.#first++;
  }

  #matches(pattern: readonly string[], start: number): boolean {
    return pattern.every((op, offset) =>
      this.nodes[start + offset]?.op === op && this.#taken[start + offset] === false
    );
  }

  #takePattern(): boolean {
    const start = this.#first;
    const pattern = [...PATTERNS, INDEXER_PATTERN].find((one) => this.#matches(one, start));
    if (pattern === undefined) return false;
    for (let offset = 0; offset < pattern.length; offset++) this.#take(start + offset);
    this.#advance();
    return true;
  }

  #isInPattern(index: number): boolean {
    return PATTERNS.some((pattern) => this.#matches(pattern, index)) ||
      INDEXER_PATTERN.some((_, offset) =>
        index >= offset && this.#matches(INDEXER_PATTERN, index - offset)
      );
  }

  #collectReal(): void {
    const end = Math.min(this.#first + WINDOW, this.nodes.length);
    for (let index = this.#first + 1; index < end; index++) {
      if (this.#taken[index] || isEmpty(this.#node(index)) || this.#isInPattern(index)) continue;
      if (!this.#mayCome(index)) continue;
      this.#current.push(index);
      this.#chain(index);
    }
  }

  /** Whether nothing that isn't computed yet must come before. */
  #mayCome(index: number): boolean {
    const node = this.#node(index);
    for (let before = this.#first; before < index; before++) {
      if (this.#taken[before]) continue;
      const earlier = this.#node(before);
      if (!follows(node, earlier)) continue;
      const isFused = index === before + 1 && before === this.#current.at(-1) &&
        FUSED.has(`${earlier.op} ${node.op}`);
      if (!isFused) return false;
    }
    return true;
  }

  /** Takes a node into the current ones before its turn. */
  #pull(index: number): void {
    this.#current.push(index);
    this.#taken[index] = true;
  }

  /** The next node of an operation that reads `index` first. */
  #readerOf(index: number, op: string, isReady: (node: Tensor) => boolean): number | undefined {
    const node = this.#node(index);
    const end = Math.min(index + CHAIN, this.nodes.length);
    for (let next = index + 1; next < end; next++) {
      const candidate = this.#node(next);
      if (candidate.op === op && candidate.sources[0] === node && isReady(candidate)) return next;
    }
    return undefined;
  }

  /** Pulls what is computed as one with a node and the one before it. */
  #chain(index: number): void {
    const op = this.#node(index).op;
    const previous = this.nodes[index - 1]?.op;
    let rope = index;
    if (op === "MUL" && previous === "RMS_NORM") {
      const found = this.#readerOf(
        index,
        "ROPE",
        ({ sources: [, positions, factors] }) =>
          positions?.op === "NONE" && (factors === undefined || factors.op === "NONE"),
      );
      if (found !== undefined) {
        rope = found;
        this.#pull(found);
      }
    }
    if (this.#node(rope).op === "ROPE") this.#chainRope(rope);
    const isReady = ({ sources: [, other] }: Tensor) =>
      other !== undefined && (other.op === "NONE" || this.#done.has(other));
    const third = op === "ADD_ID" && previous === "MUL_MAT_ID"
      ? this.#readerOf(index, "MUL", isReady)
      : op === "ADD" && previous === "MUL_MAT"
      ? this.#readerOf(index, "ADD", isReady)
      : op === "ADD" && previous === "SSM_CONV"
      ? this.#readerOf(index, "UNARY", () => true)
      : undefined;
    if (third !== undefined) this.#pull(third);
  }

  /** A rotation, a view of it, and the rows that the view writes. */
  #chainRope(rope: number): void {
    const end = Math.min(rope + ROPE_CHAIN, this.nodes.length);
    let view: number | undefined;
    for (let next = rope + 1; next < end; next++) {
      const { op, sources: [source] } = this.#node(next);
      if (view === undefined) {
        if (op === "VIEW" && source === this.#node(rope)) view = next;
      } else if (op === "SET_ROWS" && source === this.#node(view)) {
        this.#pull(view);
        this.#pull(next);
        return;
      }
    }
  }

  #collectViews(): void {
    const end = Math.min(this.#first + WINDOW, this.nodes.length);
    for (let index = this.#first + 1; index < end; index++) {
      const node = this.#node(index);
      if (this.#taken[index] || !isEmpty(node)) continue;
      let mayCome = true;
      for (let before = this.#first; before < index && mayCome; before++) {
        if (this.#taken[before] || this.#current.includes(before)) continue;
        mayCome = !follows(node, this.#node(before));
      }
      if (mayCome) this.#current.push(index);
    }
  }
}

/** ggml-vulkan.cpp, `ggml_vk_graph_optimize`. */
export function arrangeForVulkan(nodes: readonly Tensor[]): readonly Tensor[] {
  return new Order(nodes).run();
}
