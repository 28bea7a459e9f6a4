import type { GgufHeader } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { reserve } from "../ggml/allocator.ts";
import { Builder, type GraphBuilder, type LeftOutLayers, MissingWeight } from "./builder.ts";
import type { Graph } from "../ggml/graph.ts";
import { EVERY_LAYER } from "./layers.ts";
import { Model } from "./model.ts";
import { planBatch, type PlannedBatch } from "./planned_batch.ts";

/** What graphs of a model are made from. */
export interface GraphSource {
  readonly shape: Hyperparameters;
  readonly header: GgufHeader;
  /** Absent where the architecture has none. */
  readonly build: GraphBuilder | undefined;
}

/** The graph of a model's largest batch, with every tensor at its place. */
export interface PlannedGraph {
  readonly source: GraphSource;
  readonly model: Model;
  readonly plan: PlannedBatch;
  /** Absent where the architecture has no builder, or the file lacks a weight. */
  readonly placed?: {
    readonly graph: Graph;
    readonly bytes: number;
    /** At leaving out layers, the one that changed nothing (layers.ts). */
    readonly attempt: number;
  };
  readonly missingWeight?: string;
}

/** Builds the graph of a batch; a MissingWeight where the file lacks one. */
export function buildGraph(
  build: GraphBuilder,
  model: Model,
  plan: PlannedBatch,
  leftOut: LeftOutLayers,
): Graph | MissingWeight {
  try {
    const builder = new Builder(model, plan, leftOut);
    build(builder);
    return builder.graph;
  } catch (error) {
    if (error instanceof MissingWeight) return error;
    throw error;
  }
}

/**
 * Plans the graph that llama.cpp reserves its buffer for.
 */
export function planGraph(source: GraphSource, options: FootprintOptions): PlannedGraph {
  const { shape, header, build } = source;
  const model = new Model(shape, header);
  const plan = planBatch(shape, options);
  if (build === undefined) return { source, model, plan };
  for (let attempt = 0;; attempt++) {
    const graph = buildGraph(build, model, plan, { attempt });
    if (graph instanceof MissingWeight) {
      return { source, model, plan, missingWeight: graph.weightName };
    }
    const { bytes, repeats } = reserve(graph);
    if (repeats) return { source, model, plan, placed: { graph, bytes, attempt } };
  }
}

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
