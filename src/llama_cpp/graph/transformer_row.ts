import type { UnaryFunction } from "../ggml/operations.ts";
import type { Tensor } from "../ggml/tensor.ts";
import type { Routing } from "./blocks/experts.ts";
import type { Activation } from "./blocks/feed_forward.ts";
import type { Builder, NormKind } from "./builder.ts";

/** Puts one layer, or a half of one, into the graph. */
export type LayerBuilder = (b: Builder, row: TransformerRow, layer: number, x: Tensor) => Tensor;

/** What the norms of a layer are called in a file, without the layer. */
export interface NormNames {
  readonly attention: string;
  readonly afterAttention: string;
  readonly feed: string;
  readonly afterFeed: string;
  /** After all layers; it has no layer. */
  readonly last: string;
}

/**
 * How one architecture's layer differs from the plain one: norm, attention, residual, norm,
 * feed-forward, residual. What only depends on which weights a file has isn't said here.
 */
export interface TransformerRow extends Routing {
  readonly norm?: NormKind;
  /** What happens to the embeddings first, beside scaling by a number of the header. */
  readonly prelude?: "positions" | "norm" | "scale";
  /** Norms whose names in the file aren't the usual ones. */
  readonly norms?: Partial<NormNames>;
  /** Norms that aren't kept on the layer's device. */
  readonly unpinnedNorms?: readonly (keyof NormNames)[];
  /** The norm after attention is of all tokens on the last layer too, not of the wanted ones. */
  readonly normsBeforeOutputs?: boolean;
  /** What the experts activate with; `silu` unless said. */
  readonly expertActivation?: Activation;
  /** No norm before attention and feed-forward; the post norms stand alone. */
  readonly onlyPostNorms?: boolean;
  readonly queryKeyNorm?: "before-rope" | "after-rope" | "whole-rows" | "plain-after-rope";
  /**
   * Which layers rotate their queries and keys: by their window, all but every nth
   * (`n_no_rope_layer_step`), or as a key of the header says.
   */
  readonly rope?:
    | "none"
    | "sliding"
    | "sliding-or-all"
    | "sliding-or-dense"
    | "step"
    | "step-with-windows"
    | "step-from-0"
    | "finetuned"
    | "pattern";
  /** What attention and the feed-forward give is scaled, whatever the header says. */
  readonly scalesResiduals?: boolean;
  /** Queries are scaled, and the scores aren't. */
  readonly scalesQueries?: boolean;
  /** The query is multiplied by an input that depends on the position. */
  readonly attentionTemperature?: "header" | "without-rope";
  /** A matrix of its own gates what attention gives (`attn_gate`), by element or by head. */
  readonly gatedAttention?: boolean;
  /** What the gate's rows pass; a sigmoid unless said. */
  readonly gateFunction?: UnaryFunction;
  /** Layers with a window rotate without the file's frequencies. */
  readonly slidesWithoutFactors?: boolean;
  /** Norms after attention and after the feed-forward. */
  readonly postNorms?: boolean;
  /** A norm between attention and its output projection. */
  readonly attentionSubNorm?: boolean;
  readonly activation?: Activation;
  readonly sharedActivation?: Activation;
  /** The shared expert and the others count half. */
  readonly averagesShared?: boolean;
  /** Layers with a mixture: those with a router, unless the layer's number decides. */
  readonly routes?: "never" | "step";
  /** Of the sum after attention the residual is the first operand. */
  readonly residualFirst?: boolean;
  /** Of the sum after the feed-forward the residual is the first operand. */
  readonly lastResidualFirst?: boolean;
  /**
   * All tokens pass the last layer, and the wanted ones are taken before or after the last norm:
   * what the others give stays readable for the prediction of further tokens (`t_h_nextn`).
   */
  readonly lateOutputs?: "before-norm" | "after-norm" | "never";
  /** `deepstack_mapping` says which layers get embeddings of an image. */
  readonly deepstack?: boolean;
  /** Inputs of each layer's own keep layers from being alike: none is left out. */
  readonly everyLayer?: boolean;
  /** Batches stand alone: no cache. */
  readonly withoutCache?: boolean;
  /** What stands in for attention, on its normed input. */
  readonly mix?: LayerBuilder;
  /** What stands in for the feed-forward, on its normed input. */
  readonly feed?: LayerBuilder;
}
