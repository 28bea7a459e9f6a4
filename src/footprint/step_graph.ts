import type { Graph } from "../llama_cpp/ggml/graph.ts";
import { MissingWeight } from "../llama_cpp/graph/builder.ts";
import { EVERY_LAYER } from "../llama_cpp/graph/layers.ts";
import { buildGraph, type PlannedGraph } from "../llama_cpp/graph/planned_graph.ts";

/**
 * The graph that computes `step` tokens at most, of which the logits of one are wanted: what thinking
 * computes, where the planned graph is of the largest batch. Nothing where the graph isn't known.
 */
export function stepGraph(planned: PlannedGraph, step: number): Graph | undefined {
  const { source: { build }, model, plan, placed, missingWeight } = planned;
  if (build === undefined || missingWeight !== undefined) return undefined;
  const tokens = Math.min(plan.tokens, step);
  const leftOut = { attempt: placed?.attempt ?? EVERY_LAYER, isProven: true };
  const graph = buildGraph(build, model, { ...plan, tokens, outputs: 1 }, leftOut);
  return graph instanceof MissingWeight ? undefined : graph;
}
