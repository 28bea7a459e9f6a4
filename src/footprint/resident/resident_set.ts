import type { JarFootprint } from "../../budget/demand.ts";
import type { ContextSizes } from "../context_sizes.ts";
import type { FootprintBytes } from "../footprint.ts";
import type { Hyperparameters } from "../hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import type { LoadedWeight } from "../weights.ts";

/** What is allocated, before it is known what of it becomes resident. */
export type AllocatedBytes = Omit<FootprintBytes, "floor" | "workingSet" | "peak">;

/** What of it is resident, for the report and for the budget. */
export interface ResidentSet {
  readonly floor: number;
  readonly workingSet: number;
  readonly peak: number;
  readonly jar: JarFootprint;
}

/**
 * Bytes of the compute buffer that become resident: all but the logits of a whole batch, which
 * are reserved for every token and written for the last one.
 */
function touchedCompute(compute: number, shape: Hyperparameters, sizes: ContextSizes): number {
  const logits = shape.vocabularySize * (sizes.batch - 1) * 4;
  return compute > logits ? compute - logits : Math.ceil(compute / 2);
}

/**
 * What of the allocated bytes is resident (DESIGN.md, "Output"): `floor` what isn't backed by the
 * file, `workingSet` with the weights that every token reads, `peak` with all the file's weights.
 */
export function residentSet(
  allocated: AllocatedBytes,
  weights: readonly LoadedWeight[],
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
): ResidentSet {
  const read = weights.reduce(
    (bytes, weight) => bytes + (weight.repacked || weight.readByRow ? 0 : weight.bytes),
    0,
  );
  const rows = weights.reduce(
    (bytes, weight) => bytes + (!weight.repacked && weight.readByRow ? weight.bytes : 0),
    0,
  );
  const load = allocated.runtime + allocated.vocabulary + allocated.repacked;
  const context = allocated.kvCache + allocated.recurrentState + allocated.output +
    touchedCompute(allocated.compute, shape, sizes);
  if (!options.mmap) {
    const shared = load + read + rows;
    const all = shared + context;
    return {
      floor: all,
      workingSet: all,
      peak: all,
      jar: {
        floorBytes: all,
        workingSetBytes: all,
        shared: { floorBytes: shared, workingSetBytes: shared },
      },
    };
  }
  const floor = load + context;
  return {
    floor,
    workingSet: floor + read,
    peak: floor + allocated.weights,
    jar: {
      floorBytes: floor,
      workingSetBytes: floor + read,
      shared: { floorBytes: load, workingSetBytes: load + read },
    },
  };
}
