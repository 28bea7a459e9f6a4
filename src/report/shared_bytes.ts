import type { ValidationReport } from "./validation_report.ts";

/** What several jars need once, in bytes: taken off the sum of what each requires alone. */
interface SharedBytes {
  /** Of jars on one model: its weights in memory. */
  readonly weights: number;
  /** The rest: the process that runs them all, its vocabularies, and loading one after another. */
  readonly process: number;
}

/**
 * What is counted once of a sum, told apart: together they are the validation's
 * `sharedWeightBytes`. Where it isn't known what a jar is made of, all of it counts as weights.
 */
export function sharedBytes({ validation, instances }: ValidationReport): SharedBytes {
  const { criterion, shareWeights, sharedWeightBytes } = validation;
  const loaded = new Set<string>();
  let weights = 0;
  for (const { id, model, sharedBytes } of validation.instances) {
    const parts = instances.find((instance) => instance.id === id)?.footprint.resident;
    const isLoaded = shareWeights && loaded.has(model);
    loaded.add(model);
    if (parts === undefined) {
      weights += sharedBytes;
      continue;
    }
    const inMemory = parts
      .filter(({ part }) => ["mapped", "repacked", "copied", "file"].includes(part))
      .reduce((sum, part) => sum + (criterion === "floor" ? part.floor : part.workingSet), 0);
    if (isLoaded) weights += Math.min(inMemory, sharedBytes);
  }
  return { weights, process: sharedWeightBytes - weights };
}
