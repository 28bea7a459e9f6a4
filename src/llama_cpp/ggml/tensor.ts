import type { Home } from "./home.ts";
import { ggmlType, rowBytes } from "./types.ts";

/** Numbers of the ggml types that a graph makes on its own (ggml.h, `enum ggml_type`). */
export const F32 = 0;
export const F16 = 1;
export const BF16 = 30;
export const I32 = 26;
export const I64 = 27;

/** Up to four sizes, first one fastest; the missing ones are 1. */
export type Shape = readonly number[];

const NO_SOURCES: readonly Tensor[] = [];

/** Bytes from one element to the next, by dimension. */
export type Strides = readonly [number, number, number, number];

/** What decides whether a tensor gets memory of its own. */
interface Placing {
  /** No operation makes it: an input or a weight. */
  readonly isLeaf: boolean;
  /** The operation may write over an operand of the same layout (`ggml_op_can_inplace`). */
  readonly mayOverwrite: boolean;
  /** The tensor whose memory it looks into. */
  readonly root: Tensor | undefined;
  /** Bytes from one element to the next, by dimension; those of a contiguous tensor if absent. */
  readonly strides: Strides | undefined;
}

// Every tensor is made with one of these or with an object of the same shape: graphs have thousands.
export const OWN_MEMORY: Placing = {
  isLeaf: false,
  mayOverwrite: false,
  root: undefined,
  strides: undefined,
};
export const LEAF: Placing = { ...OWN_MEMORY, isLeaf: true };
export const IN_PLACE: Placing = { ...OWN_MEMORY, mayOverwrite: true };

/**
 * One tensor of a compute graph: as much of `struct ggml_tensor` as decides where it lies in
 * memory. Fields below `children` belong to the allocator.
 */
export class Tensor {
  readonly n0: number;
  readonly n1: number;
  readonly n2: number;
  readonly n3: number;
  /** Bytes from one element to the next along dimensions 1, 2 and 3. */
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
  /** Along dimension 0; a transposed tensor's differs from its type's size. */
  readonly s0: number;
  readonly isLeaf: boolean;
  readonly mayOverwrite: boolean;
  /** The tensor whose memory this one looks into. */
  readonly root: Tensor | undefined;
  /** Read by the application afterwards (GGML_TENSOR_FLAG_OUTPUT), so never overwritten. */
  isOutput = false;
  /** Has memory elsewhere: a weight or a cache. */
  isExternal = false;
  /** Filled by the application before each batch (GGML_TENSOR_FLAG_INPUT). */
  isInput = false;
  /** What makes it, by ggml's name without its prefix (GGML_OP_MUL_MAT). */
  op = "NONE";
  /** Which function of the operations that are many (GGML_UNARY_OP_SILU, GGML_GLU_OP_SWIGLU). */
  variant: string | undefined = undefined;
  /**
   * A weight's name in the file, without which it is none; `output.weight` also where the
   * embedding stands in for it, since that may be a copy elsewhere.
   */
  weightName: string | undefined = undefined;
  /**
   * The layer whose cache it is, or whose own copy of a weight that has no layer in its name (then
   * it is external), or whose norm or last result it is (llama-context.cpp, `graph_get_cb`); −1 for
   * none of these.
   */
  layer = -1;
  isVisited = false;

  /** Where it lies if it isn't computed; set for a scheduler of several backends. */
  home: Home | undefined = undefined;
  /** Who computes it, or holds it; −1 as long as nobody is known to. */
  backend = -1;

  children = 0;
  views = 0;
  isAllocated = false;
  address = 0;

  constructor(
    readonly type: number,
    shape: Shape,
    /** Operands in ggml's order; a scheduler may put copies in their place for a while. */
    public sources: readonly Tensor[] = NO_SOURCES,
    { isLeaf, mayOverwrite, root, strides }: Placing = OWN_MEMORY,
  ) {
    this.isLeaf = isLeaf;
    this.mayOverwrite = mayOverwrite;
    this.n0 = shape[0] ?? 1;
    this.n1 = shape[1] ?? 1;
    this.n2 = shape[2] ?? 1;
    this.n3 = shape[3] ?? 1;
    this.root = root;
    if (strides === undefined) {
      const layout = ggmlType(type);
      this.s0 = layout.blockBytes;
      this.s1 = rowBytes(layout, this.n0);
      this.s2 = this.s1 * this.n1;
      this.s3 = this.s2 * this.n2;
    } else {
      // By index: taking an array apart goes through its iterator, for every tensor.
      this.s0 = strides[0];
      this.s1 = strides[1];
      this.s2 = strides[2];
      this.s3 = strides[3];
    }
  }

  get shape(): Shape {
    return [this.n0, this.n1, this.n2, this.n3];
  }

  get elements(): number {
    return this.n0 * this.n1 * this.n2 * this.n3;
  }

  /** Bytes of a tensor with memory of its own, which is always contiguous. */
  get bytes(): number {
    return rowBytes(ggmlType(this.type), this.n0) * this.n1 * this.n2 * this.n3;
  }

  /** Bytes of one element (of a type without blocks). */
  get elementBytes(): number {
    return ggmlType(this.type).blockBytes;
  }

  /** `ggml_is_contiguous` */
  get isContiguous(): boolean {
    const layout = ggmlType(this.type);
    if (this.n0 !== layout.blockElements && this.s0 !== layout.blockBytes) return false;
    let next = rowBytes(layout, this.n0);
    if (this.n1 !== 1 && this.s1 !== next) return false;
    next *= this.n1;
    if (this.n2 !== 1 && this.s2 !== next) return false;
    next *= this.n2;
    return this.n3 === 1 || this.s3 === next;
  }

  /** `ggml_are_same_layout` of two tensors of one type; copies of views aren't contiguous. */
  sameLayout(other: Tensor): boolean {
    return this.sameShape(other) && this.s1 === other.s1 && this.s2 === other.s2 &&
      this.s3 === other.s3 && this.s0 === other.s0;
  }

  sameShape(other: Tensor): boolean {
    return this.n0 === other.n0 && this.n1 === other.n1 && this.n2 === other.n2 &&
      this.n3 === other.n3;
  }
}
