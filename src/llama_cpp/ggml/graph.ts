import type { GatedFunction, UnaryFunction } from "./operations.ts";
import { ggmlType, rowBytes } from "./types.ts";
import {
  F16,
  F32,
  I32,
  IN_PLACE,
  LEAF,
  OWN_MEMORY,
  type Shape,
  type Strides,
  Tensor,
} from "./tensor.ts";

/** Which operations may write over an operand (ggml-alloc.c, `ggml_op_can_inplace`). */
const MAY_OVERWRITE: ReadonlySet<string> = new Set([
  "FILL",
  "SCALE",
  "DIAG_MASK_ZERO",
  "DIAG_MASK_INF",
  "ADD",
  "ADD_ID",
  "ADD1",
  "SUB",
  "MUL",
  "DIV",
  "SQR",
  "SQRT",
  "LOG",
  "UNARY",
  "ROPE",
  "ROPE_BACK",
  "SILU_BACK",
  "RMS_NORM",
  "RMS_NORM_BACK",
  "CLAMP",
  "SOFT_MAX",
  "SOFT_MAX_BACK",
]);

/**
 * A compute graph under construction: the operations of ggml.c that language models use, each
 * with the shape of its result and whether it may write over an operand. Values aren't computed.
 */
export class Graph {
  readonly nodes: Tensor[] = [];
  readonly leafs: Tensor[] = [];
  /**
   * Where in `nodes` the two groups of layers begin that stand for others like them, and where they
   * end. Empty where every layer is there.
   */
  readonly groupStarts: number[] = [];

  /** Puts a tensor and everything it needs in order, left operand first (`ggml_build_forward_expand`). */
  expand(tensor: Tensor): Tensor {
    if (tensor.isVisited) return tensor;
    tensor.isVisited = true;
    const { sources } = tensor;
    for (let index = 0; index < sources.length; index++) this.expand(sources[index] as Tensor);
    if (tensor.isLeaf) this.leafs.push(tensor);
    else this.nodes.push(tensor);
    return tensor;
  }

  /** A tensor that the application fills (`ggml_set_input`). */
  input(type: number, shape: Shape): Tensor {
    const made = this.leaf(type, shape);
    made.isInput = true;
    return made;
  }

  /** A tensor that nobody fills before the graph runs: what is only written, or a constant. */
  leaf(type: number, shape: Shape): Tensor {
    return new Tensor(type, shape, [], LEAF);
  }

  /** A result of any operation, by ggml's name; it gets memory of its own unless it may overwrite. */
  make(op: string, sources: readonly Tensor[], shape: Shape, type: number = F32): Tensor {
    const made = new Tensor(type, shape, sources, MAY_OVERWRITE.has(op) ? IN_PLACE : OWN_MEMORY);
    made.op = op;
    return made;
  }

  /** A result like the first operand. */
  like(op: string, ...operands: readonly [Tensor, ...Tensor[]]): Tensor {
    const first = operands[0];
    return this.make(op, operands, first.shape, first.type);
  }

  // Views: no memory.

  #look(op: string, a: Tensor, shape: Shape, strides: Strides | undefined): Tensor {
    const made = new Tensor(a.type, shape, [a], {
      isLeaf: false,
      mayOverwrite: false,
      root: a.root ?? a,
      strides,
    });
    made.op = op;
    return made;
  }

  /** Strides are in bytes; those left out follow from the one before. */
  view(a: Tensor, shape: Shape, ...strides: readonly (number | undefined)[]): Tensor {
    const first = strides[0] ?? rowBytes(ggmlType(a.type), shape[0] ?? 1);
    const second = strides[1] ?? first * (shape[1] ?? 1);
    const third = strides[2] ?? second * (shape[2] ?? 1);
    return this.#look("VIEW", a, shape, [a.elementBytes, first, second, third]);
  }

  reshape(a: Tensor, ...shape: number[]): Tensor {
    return this.#look("RESHAPE", a, shape, undefined);
  }

  /** `axes[i]` is where dimension i goes. */
  permute(a: Tensor, axes: readonly [number, number, number, number], op = "PERMUTE"): Tensor {
    const shape = [1, 1, 1, 1];
    const strides: [number, number, number, number] = [0, 0, 0, 0];
    const from = a.shape;
    const fromStrides = [a.s0, a.s1, a.s2, a.s3];
    for (let index = 0; index < 4; index++) {
      shape[axes[index] as number] = from[index] as number;
      strides[axes[index] as number] = fromStrides[index] as number;
    }
    return this.#look(op, a, shape, strides);
  }

  transpose(a: Tensor): Tensor {
    return this.permute(a, [1, 0, 2, 3], "TRANSPOSE");
  }

  /** An operation that writes into `a`'s own memory (`ggml_scale_inplace` and the like). */
  into(op: string, a: Tensor, ...sources: readonly Tensor[]): Tensor {
    const made = new Tensor(a.type, a.shape, sources, {
      isLeaf: false,
      mayOverwrite: true,
      root: a.root ?? a,
      strides: [a.s0, a.s1, a.s2, a.s3],
    });
    made.op = op;
    return made;
  }

  /** Writes rows of `rows` into `a`. */
  setRows(a: Tensor, rows: Tensor, indices: Tensor): Tensor {
    return this.into("SET_ROWS", a, rows, indices, a);
  }

  copy(from: Tensor, to: Tensor): Tensor {
    return this.into("CPY", to, from, to);
  }

  // Copies.

  contiguous(a: Tensor, ...shape: number[]): Tensor {
    return this.make("CONT", [a], shape.length === 0 ? a.shape : shape, a.type);
  }

  cast(a: Tensor, type: number): Tensor {
    // ggml_cast makes a new tensor that is its own destination: only the source counts.
    return this.make("CPY", [a], a.shape, type);
  }

  concat(a: Tensor, b: Tensor, dimension: number): Tensor {
    const shape = [...a.shape];
    shape[dimension] = (shape[dimension] as number) + (b.shape[dimension] as number);
    return this.make("CONCAT", [a, b], shape, a.type);
  }

  /** `more` elements behind each row. */
  pad(a: Tensor, more: number): Tensor {
    return this.make("PAD", [a], [a.n0 + more, a.n1, a.n2, a.n3], a.type);
  }

  repeat(a: Tensor, ...shape: number[]): Tensor {
    return this.make("REPEAT", [a], shape, a.type);
  }

  getRows(a: Tensor, indices: Tensor): Tensor {
    const shape = [a.n0, indices.n0, indices.n1, indices.n2];
    return this.make("GET_ROWS", [a, indices], shape, a.type === I32 ? I32 : F32);
  }

  // Arithmetic.

  multiplyMatrix(weight: Tensor, x: Tensor): Tensor {
    return this.make("MUL_MAT", [weight, x], [weight.n1, x.n1, x.n2, x.n3]);
  }

  /** The matrix of each token's experts (`ggml_mul_mat_id`). */
  multiplyMatrixById(weights: Tensor, x: Tensor, ids: Tensor): Tensor {
    return this.make("MUL_MAT_ID", [weights, x, ids], [weights.n1, ids.n0, x.n2]);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.like("ADD", a, b);
  }

  subtract(a: Tensor, b: Tensor): Tensor {
    return this.like("SUB", a, b);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.like("MUL", a, b);
  }

  divide(a: Tensor, b: Tensor): Tensor {
    return this.like("DIV", a, b);
  }

  /** By a number, with another one added or not. */
  scale(a: Tensor): Tensor {
    return this.like("SCALE", a);
  }

  clamp(a: Tensor): Tensor {
    return this.like("CLAMP", a);
  }

  /** A number in place of all elements. */
  fill(a: Tensor): Tensor {
    return this.like("FILL", a);
  }

  square(a: Tensor): Tensor {
    return this.like("SQR", a);
  }

  squareRoot(a: Tensor): Tensor {
    return this.like("SQRT", a);
  }

  /** A function of each element. */
  unary(variant: UnaryFunction, a: Tensor): Tensor {
    const made = this.like("UNARY", a);
    made.variant = variant;
    return made;
  }

  rmsNorm(a: Tensor): Tensor {
    return this.like("RMS_NORM", a);
  }

  norm(a: Tensor): Tensor {
    return this.like("NORM", a);
  }

  l2Norm(a: Tensor): Tensor {
    return this.like("L2_NORM", a);
  }

  rope(a: Tensor, positions: Tensor, factors?: Tensor): Tensor {
    return factors === undefined
      ? this.like("ROPE", a, positions)
      : this.like("ROPE", a, positions, factors);
  }

  softMax(a: Tensor, ...others: (Tensor | undefined)[]): Tensor {
    return this.like("SOFT_MAX", a, ...others.filter((tensor) => tensor !== undefined));
  }

  /** Gated unit with both halves apart (`ggml_swiglu_split` and kin). */
  gated(variant: GatedFunction, gate: Tensor, up: Tensor): Tensor {
    const made = this.like("GLU", gate, up);
    made.variant = variant;
    return made;
  }

  /** Gated unit with both halves in one tensor (`ggml_swiglu` and kin). */
  gatedHalves(variant: GatedFunction, a: Tensor): Tensor {
    const made = this.make("GLU", [a], [a.n0 / 2, a.n1, a.n2, a.n3], a.type);
    made.variant = variant;
    return made;
  }

  sumRows(a: Tensor): Tensor {
    return this.make("SUM_ROWS", [a], [1, a.n1, a.n2, a.n3], a.type);
  }

  argsort(a: Tensor): Tensor {
    return this.make("ARGSORT", [a], a.shape, I32);
  }

  /** The indices of the `count` largest of each row (`ggml_argsort_top_k`). */
  argsortTop(a: Tensor, count: number): Tensor {
    const sorted = this.argsort(a);
    return this.view(sorted, [count, a.n1, a.n2, a.n3], sorted.s1, sorted.s2, sorted.s3);
  }

  /** The same without sorting all of them (`ggml_top_k`). */
  top(a: Tensor, count: number): Tensor {
    return this.make("TOP_K", [a], [count, a.n1, a.n2, a.n3], I32);
  }

  /** `others` are the mask and the sinks, where there are any. */
  flashAttention(q: Tensor, k: Tensor, v: Tensor, ...others: (Tensor | undefined)[]): Tensor {
    const sources = [q, k, v, ...others.filter((tensor) => tensor !== undefined)];
    return this.make("FLASH_ATTN_EXT", sources, [v.n0, q.n2, q.n1, q.n3]);
  }

  castToHalf(a: Tensor): Tensor {
    return a.type === F32 ? this.cast(a, F16) : a;
  }
}
