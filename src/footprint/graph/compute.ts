import type { GgufHeader } from "../../gguf/header.ts";
import type { Confidence } from "../footprint.ts";
import type { Hyperparameters } from "../hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { reserve } from "./allocator.ts";
import { Builder, MissingWeight } from "./builder.ts";
import { BUILDERS } from "./builders.ts";
import { Model } from "./model.ts";
import { makeReservation } from "./reservation.ts";

/** The compute buffer, and how far it can be trusted. */
export interface ComputeEstimate {
  readonly bytes: number;
  readonly confidence: Confidence;
  /** Why the confidence isn't `exact`. */
  readonly notes: readonly string[];
  /** Nodes of the graph, as llama.cpp logs them. */
  readonly nodes: number;
}

/** Bytes of llama.cpp's compute buffer on a CPU. */
export function computeBytes(
  hyperparameters: Hyperparameters,
  header: GgufHeader,
  options: FootprintOptions,
): ComputeEstimate {
  const model = new Model(hyperparameters, header);
  const plan = makeReservation(
    hyperparameters,
    options,
    model.number("attention.sliding_window"),
  );
  const build = BUILDERS.get(hyperparameters.architecture);
  if (build === undefined) {
    return { bytes: 0, confidence: "unknown", notes: ["No graph"], nodes: 0 };
  }
  try {
    const builder = new Builder(model, plan);
    build(builder);
    const bytes = reserve(builder.graph);
    return { bytes, confidence: "exact", notes: [], nodes: builder.graph.nodes.length };
  } catch (error) {
    if (!(error instanceof MissingWeight)) throw error;
    return { bytes: 0, confidence: "unknown", notes: [error.message], nodes: 0 };
  }
}
