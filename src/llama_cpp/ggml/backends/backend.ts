import type { BufferType } from "../buffer_type.ts";
import type { Tensor } from "../tensor.ts";

/** Of a graph in the order of computing: nodes that must lie where they are until another is done. */
export type Keep = (kept: readonly Tensor[], until: Tensor) => void;

/**
 * One thing that computes, as far as it decides where tensors lie (ggml-backend-impl.h). What runs
 * on it, and in which order, follows its own source.
 */
export interface Backend {
  /** Where what it computes lies. */
  readonly buffer: BufferType;
  /** Pinned RAM of its own, where the CPU's part then lies, if it has such. */
  readonly hostBuffer: BufferType | undefined;
  /** Whether it computes with what lies in such memory, without a copy. */
  readonly readsHostBuffer: boolean;
  /** Whether it computes nothing with operands that lie on another device. */
  readonly refusesForeign: boolean;
  /** Whether batches may overlap (props.caps `async` and `events`). */
  readonly overlaps: boolean;
  /** Whether it can compute this (`supports_op`). */
  supports(tensor: Tensor): boolean;
  /** Whether it computes this although the weights are in RAM (`offload_op`). */
  takes(tensor: Tensor): boolean;
  /** Bytes that a tensor asks for there, before they are aligned (`get_alloc_size`). */
  bytesOf(tensor: Tensor): number;
  /**
   * The order in which it computes the nodes of a split, and what must stay (`graph_optimize`).
   *
   * @param usesOf how many operands of the whole graph a tensor is
   */
  arrange(
    nodes: readonly Tensor[],
    keep: Keep,
    usesOf: (tensor: Tensor) => number,
  ): readonly Tensor[];
}
