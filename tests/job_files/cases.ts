import type { InstanceDemand, JarFootprint } from "../../src/budget/demand.ts";
import type { PlannedJar } from "../../src/plan/planned_jars.ts";

/** A jar's demand with these figures alone in a process. */
export function demandOf(
  figures: Pick<JarFootprint, "floorBytes" | "workingSetBytes" | "devices">,
  id = "subject",
): InstanceDemand {
  return {
    id,
    role: "subject",
    model: "/models/brain 8b.gguf",
    footprint: { ...figures, shared: { floorBytes: 0, workingSetBytes: 0 } },
  };
}

/** Of planned jars what their requests are made of. */
export function plannedJars(
  demands: readonly InstanceDemand[],
): Pick<PlannedJar, "demand" | "options">[] {
  return demands.map((demand) => ({
    demand,
    options: {
      contextSize: 4096,
      batchSize: 512,
      sequences: 1,
      flashAttention: true,
      kvCacheKeyType: "F16",
      kvCacheValueType: "F16",
      mmap: true,
    },
  }));
}
