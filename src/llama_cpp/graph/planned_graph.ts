import type { GgufHeader } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { reserve } from "../ggml/allocator.ts";
import { Builder, type GraphBuilder, MissingWeight } from "./builder.ts";
import { findGraphBuilder } from "../models/builders.ts";
import type { Graph } from "../ggml/graph.ts";
import { Model } from "./model.ts";
import { makeReservation, type Reservation } from "./reservation.ts";

/** What graphs of a model are made from. */
export interface GraphSource {
  readonly shape: Hyperparameters;
  readonly header: GgufHeader;
  /** Absent where the architecture has none. */
  readonly build: GraphBuilder | undefined;
}

/** Loads what builds the graphs of a model. */
export async function graphSource(
  header: GgufHeader,
  shape: Hyperparameters,
): Promise<GraphSource> {
  return { shape, header, build: await findGraphBuilder(shape.architecture) };
}

/** The graph of a model's largest batch, with every tensor at its place. */
export interface PlannedGraph {
  readonly model: Model;
  readonly plan: Reservation;
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
  plan: Reservation,
  attempt: number,
  isProven: boolean,
): Graph | MissingWeight {
  try {
    const builder = new Builder(model, plan, attempt, isProven);
    build(builder);
    return builder.graph;
  } catch (error) {
    if (error instanceof MissingWeight) return error;
    throw error;
  }
}

/** The last graph of each model: its size is asked for first, then what of it is touched. */
const last = new WeakMap<
  GraphSource,
  { readonly options: FootprintOptions; readonly planned: PlannedGraph }
>();

/** Plans the graph that llama.cpp reserves its buffer for. */
export function planGraph(source: GraphSource, options: FootprintOptions): PlannedGraph {
  const known = last.get(source);
  if (known?.options === options) return known.planned;
  const planned = makePlannedGraph(source, options);
  last.set(source, { options, planned });
  return planned;
}

function makePlannedGraph(
  { shape, header, build }: GraphSource,
  options: FootprintOptions,
): PlannedGraph {
  const model = new Model(shape, header);
  const plan = makeReservation(shape, options, model.number("attention.sliding_window"));
  if (build === undefined) return { model, plan };
  for (let attempt = 0;; attempt++) {
    const graph = buildGraph(build, model, plan, attempt, false);
    if (graph instanceof MissingWeight) return { model, plan, missingWeight: graph.weightName };
    const { bytes, repeats } = reserve(graph);
    if (repeats) return { model, plan, placed: { graph, bytes, attempt } };
  }
}
