import { ggmlType, rowBytes } from "./types.ts";
import { F16, F32, I32, IN_PLACE, LEAF, type Shape, Tensor } from "./tensor.ts";

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

  /** A leaf: a tensor that the application fills, or a constant, which is placed like one. */
  input(type: number, shape: Shape): Tensor {
    return new Tensor(type, shape, [], LEAF);
  }

  /** A result with memory of its own. */
  fresh(sources: readonly Tensor[], shape: Shape, type: number = F32): Tensor {
    return new Tensor(type, shape, sources);
  }

  /** A result like the first operand that may be written over any operand of its layout. */
  inPlace(...operands: readonly [Tensor, ...Tensor[]]): Tensor {
    const first = operands[0];
    return new Tensor(first.type, first.shape, operands, IN_PLACE);
  }

  /** A result like the first operand that needs memory of its own. */
  like(...operands: readonly [Tensor, ...Tensor[]]): Tensor {
    const first = operands[0];
    return new Tensor(first.type, first.shape, operands);
  }

  // Views: no memory.

  /** Strides are in bytes; those left out follow from the one before. */
  view(a: Tensor, shape: Shape, ...strides: readonly (number | undefined)[]): Tensor {
    const first = strides[0] ?? rowBytes(ggmlType(a.type), shape[0] ?? 1);
    const second = strides[1] ?? first * (shape[1] ?? 1);
    const third = strides[2] ?? second * (shape[2] ?? 1);
    return new Tensor(a.type, shape, [a], {
      isLeaf: false,
      mayOverwrite: false,
      root: a.root ?? a,
      strides: [a.elementBytes, first, second, third],
    });
  }

  reshape(a: Tensor, ...shape: number[]): Tensor {
    return new Tensor(a.type, shape, [a], {
      isLeaf: false,
      mayOverwrite: false,
      root: a.root ?? a,
      strides: undefined,
    });
  }

  /** `axes[i]` is where dimension i goes. */
  permute(a: Tensor, axes: readonly [number, number, number, number]): Tensor {
    const shape = [1, 1, 1, 1];
    const strides: [number, number, number, number] = [0, 0, 0, 0];
    const from = a.shape;
    const fromStrides = [a.s0, a.s1, a.s2, a.s3];
    for (let index = 0; index < 4; index++) {
      shape[axes[index] as number] = from[index] as number;
      strides[axes[index] as number] = fromStrides[index] as number;
    }
    return new Tensor(a.type, shape, [a], {
      isLeaf: false,
      mayOverwrite: false,
      root: a.root ?? a,
      strides,
    });
  }

  transpose(a: Tensor): Tensor {
    return this.permute(a, [1, 0, 2, 3]);
  }

  /** An operation that writes into `a`'s own memory (`ggml_scale_inplace` and the like). */
  into(a: Tensor, ...sources: readonly Tensor[]): Tensor {
    return new Tensor(a.type, a.shape, sources, {
      isLeaf: false,
      mayOverwrite: true,
      root: a.root ?? a,
      strides: [a.s0, a.s1, a.s2, a.s3],
    });
  }

  /** Writes rows of `rows` into `a`. */
  setRows(a: Tensor, rows: Tensor, indices: Tensor): Tensor {
    return this.into(a, rows, indices, a);
  }

  copy(from: Tensor, to: Tensor): Tensor {
    return this.into(to, from, to);
  }

  // Copies.

  contiguous(a: Tensor, ...shape: number[]): Tensor {
    return new Tensor(a.type, shape.length === 0 ? a.shape : shape, [a]);
  }

  cast(a: Tensor, type: number): Tensor {
    // ggml_cast makes a new tensor that is its own destination: only the source counts.
    return new Tensor(type, a.shape, [a]);
  }

  concat(a: Tensor, b: Tensor, dimension: number): Tensor {
    const shape = [...a.shape];
    shape[dimension] = (shape[dimension] as number) + (b.shape[dimension] as number);
    return new Tensor(a.type, shape, [a, b]);
  }

  /** `more` elements behind each row. */
  pad(a: Tensor, more: number): Tensor {
    return new Tensor(a.type, [a.n0 + more, a.n1, a.n2, a.n3], [a]);
  }

  repeat(a: Tensor, ...shape: number[]): Tensor {
    return new Tensor(a.type, shape, [a]);
  }

  getRows(a: Tensor, indices: Tensor): Tensor {
    return new Tensor(a.type === I32 ? I32 : F32, [a.n0, indices.n0, indices.n1, indices.n2], [
      a,
      indices,
    ]);
  }

  // Arithmetic.

  multiplyMatrix(weight: Tensor, x: Tensor): Tensor {
    return new Tensor(F32, [weight.n1, x.n1, x.n2, x.n3], [weight, x]);
  }

  /** The matrix of each token's experts (`ggml_mul_mat_id`). */
  multiplyMatrixById(weights: Tensor, x: Tensor, ids: Tensor): Tensor {
    return new Tensor(F32, [weights.n1, ids.n0, x.n2], [weights, x, ids]);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.inPlace(a, b);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.inPlace(a, b);
  }

  /** Scale, clamp, square, tanh, sigmoid, silu and all other functions of one element. */
  map(a: Tensor): Tensor {
    return this.inPlace(a);
  }

  rmsNorm(a: Tensor): Tensor {
    return this.inPlace(a);
  }

  /** `ggml_norm`, `ggml_group_norm` and `ggml_l2_norm`: not in place. */
  norm(a: Tensor): Tensor {
    return this.like(a);
  }

  rope(a: Tensor, positions: Tensor, factors?: Tensor): Tensor {
    return factors === undefined ? this.inPlace(a, positions) : this.inPlace(a, positions, factors);
  }

  softMax(a: Tensor, ...others: (Tensor | undefined)[]): Tensor {
    return this.inPlace(a, ...others.filter((tensor) => tensor !== undefined));
  }

  /** Gated unit with both halves apart (`ggml_swiglu_split` and kin). */
  gated(gate: Tensor, up: Tensor): Tensor {
    return this.like(gate, up);
  }

  /** Gated unit with both halves in one tensor (`ggml_swiglu` and kin). */
  gatedHalves(a: Tensor): Tensor {
    return new Tensor(a.type, [a.n0 / 2, a.n1, a.n2, a.n3], [a]);
  }

  sumRows(a: Tensor): Tensor {
    return new Tensor(a.type, [1, a.n1, a.n2, a.n3], [a]);
  }

  argsort(a: Tensor): Tensor {
    return new Tensor(I32, a.shape, [a]);
  }

  /** The indices of the `count` largest of each row (`ggml_argsort_top_k`). */
  argsortTop(a: Tensor, count: number): Tensor {
    const sorted = this.argsort(a);
    return this.view(sorted, [count, a.n1, a.n2, a.n3], sorted.s1, sorted.s2, sorted.s3);
  }

  /** `others` are the mask and the sinks, where there are any. */
  flashAttention(q: Tensor, k: Tensor, v: Tensor, ...others: (Tensor | undefined)[]): Tensor {
    const sources = [q, k, v, ...others.filter((tensor) => tensor !== undefined)];
    return new Tensor(F32, [v.n0, q.n2, q.n1, q.n3], sources);
  }

  castToHalf(a: Tensor): Tensor {
    return a.type === F32 ? this.cast(a, F16) : a;
  }
}
