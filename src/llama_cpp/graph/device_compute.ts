import type { BytesByPlace, PlacedMemory } from "../memory/placed_memory.ts";
import { computeBytes, type Confidence } from "./compute.ts";
import type { PlannedGraph } from "./planned_graph.ts";

/** Compute buffers by where they lie, and how far they can be trusted. */
export interface ComputeByPlace extends BytesByPlace {
  readonly confidence: Confidence;
  readonly notes: readonly string[];
}

/** Bytes of the buffers that llama.cpp plans for its computations on devices and in pinned RAM. */
export function computeOnDevices(
  planned: PlannedGraph,
  { backends }: PlacedMemory,
): ComputeByPlace {
  const { bytes, confidence, notes } = computeBytes(planned);
  return {
    ram: bytes,
    devices: backends.map(() => bytes),
    confidence: confidence === "exact" ? "bound" : confidence,
    notes,
  };
}
