import { upperBound } from "./bound.ts";
import type { PlannedGraph } from "./planned_graph.ts";

/**
 * How far a header estimate can be trusted: `exact` where each part follows the engine's own
 * allocation, `bound` where a part is rounded to the safe side, `unknown` where the architecture
 * isn't in the table and everything is estimated on the safe side.
 */
export type Confidence = "exact" | "bound" | "unknown";

/** The compute buffer in whole bytes, and how far it can be trusted. */
interface ComputeEstimate {
  readonly bytes: number;
  readonly confidence: Confidence;
  /** Why the confidence isn't `exact`, one sentence each. */
  readonly notes: readonly string[];
}

/** What is to be said of a graph that isn't known. */
export function unknownGraph(
  { source, missingWeight }: PlannedGraph,
): Omit<ComputeEstimate, "bytes"> {
  const why = missingWeight === undefined
    ? `The graph of architecture ${source.shape.architecture} isn't known`
    : `The graph needs ${missingWeight}, which is missing`;
  return {
    confidence: missingWeight === undefined ? "unknown" : "bound",
    notes: [`${why}, so the compute buffer is an upper bound`],
  };
}

/**
 * Bytes of the buffer that llama.cpp plans for its computations on a CPU (`compute buffer
 * size` in its log): the graph of the largest batch is built and its tensors are placed as
 * ggml-alloc.c does. Architectures without a builder, and files that lack a weight their graph
 * needs, get a size that the real one stays below.
 */
export function computeBytes(planned: PlannedGraph): ComputeEstimate {
  const { model, plan, placed } = planned;
  if (placed !== undefined) return { bytes: placed.bytes, confidence: "exact", notes: [] };
  return { bytes: Math.ceil(upperBound(model, plan)), ...unknownGraph(planned) };
}
