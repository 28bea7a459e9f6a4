import { formatAmount } from "../budget/size.ts";
import type { Footprint } from "./footprint.ts";

/**
 * A footprint whose model lies in memory already, all or in part: mapped weights that are there
 * aren't required again. What is copied (repacked weights, all of them without a mapping) is
 * anonymous and stays, as the program's own pages do.
 *
 * @param missingBytes what of the model's files isn't in memory yet
 * @param inMemoryBytes what of them is
 *
 * @example
 * ```ts
 * import { estimateFromFileSize } from "./estimate.ts";
 * import { withWeightsInMemory } from "./weights_in_memory.ts";
 * const footprint = estimateFromFileSize(1000);
 * if (withWeightsInMemory(footprint, 0, 1000).jar.floorBytes !== 1500) throw new Error("Anonymous");
 * ```
 */
export function withWeightsInMemory(
  footprint: Footprint,
  missingBytes: number,
  inMemoryBytes: number,
): Footprint {
  if (inMemoryBytes === 0) return footprint;
  const { bytes, jar } = footprint;
  const { shared, loading } = jar;
  const program = loading?.programBytes ?? 0;
  const weights = shared.workingSetBytes - shared.floorBytes - program;
  const mapped = Math.min(weights, missingBytes);
  const lasting = loading === undefined
    ? jar.workingSetBytes - weights
    : loading.lastingBytes + program;
  const workingSet = Math.max(jar.floorBytes, lasting + mapped);
  const resident = footprint.resident.map((one) => {
    if (one.part === "mapped") return { ...one, workingSet: mapped };
    return one.part === "loading" ? { ...one, workingSet: workingSet - lasting - mapped } : one;
  });
  return {
    ...footprint,
    resident,
    notes: [
      ...footprint.notes,
      `${formatAmount(inMemoryBytes)} of the file lie in memory already, on a RAM disk: mapped ` +
      "weights aren't required again",
    ],
    bytes: {
      ...bytes,
      workingSet,
      peak: Math.max(workingSet, bytes.peak - inMemoryBytes),
    },
    jar: {
      ...jar,
      workingSetBytes: workingSet,
      shared: { ...shared, workingSetBytes: shared.floorBytes + mapped + program },
    },
  };
}
