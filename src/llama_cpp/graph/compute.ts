import type { FootprintOptions } from "../options.ts";
import { upperBound } from "./bound.ts";
import type { Model } from "./model.ts";
import { type GraphSource, planGraph } from "./planned_graph.ts";
import type { Reservation } from "./reservation.ts";

/**
 * How far a header estimate can be trusted: `exact` where each part follows the engine's own
 * allocation, `bound` where a part is rounded to the safe side, `unknown` where the architecture
 * isn't in the table and everything is estimated on the safe side.
 */
export type Confidence = "exact" | "bound" | "unknown";

/** The compute buffer in whole bytes, and how far it can be trusted. */
export interface ComputeEstimate {
  readonly bytes: number;
  readonly confidence: Confidence;
  /** Why the confidence isn't `exact`, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Bytes of the buffer that llama.cpp plans for its computations on a CPU (`compute buffer
 * size` in its log): the graph of the largest batch is built and its tensors are placed as
 * ggml-alloc.c does. Architectures without a builder, and files that lack a weight their graph
 * needs, get a size that the real one stays below.
 *
 * Throws nothing.
 *
 * @example
 * ```ts
 * import { readHyperparameters } from "../hyperparameters/hyperparameters.ts";
 * import { computeBytes } from "./compute.ts";
 * import { graphSource } from "./planned_graph.ts";
 *
 * const header = {
 *   version: 3,
 *   byteOrder: "little",
 *   alignment: 32,
 *   metadata: new Map<string, string | number>([
 *     ["general.architecture", "mamba"],
 *     ["mamba.context_length", 512],
 *     ["mamba.embedding_length", 64],
 *     ["mamba.block_count", 1],
 *     ["mamba.vocab_size", 100],
 *     ["mamba.attention.layer_norm_rms_epsilon", 0.1],
 *   ]),
 *   tensors: [],
 *   parts: [],
 *   fileBytes: 0,
 * } as const;
 * const source = await graphSource(header, readHyperparameters(header));
 * const { confidence } = computeBytes(source, {
 *   contextSize: 512,
 *   batchSize: 512,
 *   sequences: 1,
 *   flashAttention: false,
 *   kvCacheKeyType: "F16",
 *   kvCacheValueType: "F16",
 *   mmap: true,
 * });
 * if (confidence !== "bound") throw new Error("A model without weights has no graph");
 * ```
 */
export function computeBytes(source: GraphSource, options: FootprintOptions): ComputeEstimate {
  const { model, plan, placed, missingWeight } = planGraph(source, options);
  if (placed !== undefined) return { bytes: placed.bytes, confidence: "exact", notes: [] };
  return missingWeight === undefined
    ? bounded(
      model,
      plan,
      "unknown",
      `The graph of architecture ${source.shape.architecture} isn't known`,
    )
    : bounded(model, plan, "bound", `The graph needs ${missingWeight}, which is missing`);
}

function bounded(
  model: Model,
  plan: Reservation,
  confidence: Confidence,
  why: string,
): ComputeEstimate {
  return {
    bytes: Math.ceil(upperBound(model, plan)),
    confidence,
    notes: [`${why}, so the compute buffer is an upper bound`],
  };
}
