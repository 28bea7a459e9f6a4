import type { GgufHeader } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { reserve } from "./allocator.ts";
import { Builder, MissingWeight } from "./builder.ts";
import { BUILDERS } from "./builders.ts";
import type { Graph } from "./graph.ts";
import { Model } from "./model.ts";
import { makeReservation, type Reservation } from "./reservation.ts";

/** The graph of a model's largest batch, with every tensor at its place. */
export interface PlannedGraph {
  readonly model: Model;
  readonly plan: Reservation;
  /** Absent where the architecture has no builder, or the file lacks a weight. */
  readonly placed?: { readonly graph: Graph; readonly bytes: number };
  readonly missingWeight?: string;
}

/** Builds the graph of a batch; a MissingWeight where the file lacks one, nothing without a builder. */
export function buildGraph(model: Model, plan: Reservation): Graph | MissingWeight | undefined {
  const build = BUILDERS.get(model.architecture);
  if (build === undefined) return undefined;
  try {
    const builder = new Builder(model, plan);
    build(builder);
    return builder.graph;
  } catch (error) {
    if (error instanceof MissingWeight) return error;
    throw error;
  }
}

/** The last graph of each model: its size is asked for first, then what of it is touched. */
const last = new WeakMap<
  Hyperparameters,
  {
    readonly header: GgufHeader;
    readonly options: FootprintOptions;
    readonly planned: PlannedGraph;
  }
>();

/** Plans the graph that llama.cpp reserves its buffer for. */
export function planGraph(
  hyperparameters: Hyperparameters,
  header: GgufHeader,
  options: FootprintOptions,
): PlannedGraph {
  const known = last.get(hyperparameters);
  if (known?.header === header && known.options === options) return known.planned;
  const planned = makePlannedGraph(hyperparameters, header, options);
  last.set(hyperparameters, { header, options, planned });
  return planned;
}

function makePlannedGraph(
  hyperparameters: Hyperparameters,
  header: GgufHeader,
  options: FootprintOptions,
): PlannedGraph {
  const model = new Model(hyperparameters, header);
  const plan = makeReservation(
    hyperparameters,
    options,
    model.number("attention.sliding_window"),
  );
  const graph = buildGraph(model, plan);
  if (graph === undefined) return { model, plan };
  if (graph instanceof MissingWeight) return { model, plan, missingWeight: graph.weightName };
  return { model, plan, placed: { graph, bytes: reserve(graph) } };
}
