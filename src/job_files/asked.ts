import type { Criterion, InstanceDemand } from "../budget/demand.ts";
import type { LauncherChoice } from "../jar_process/launchers/read_launcher.ts";
import { limitOf, requestOf } from "../jar_process/launchers/asked_of.ts";
import { LAUNCHERS } from "../jar_process/launchers/table.ts";
import type { PlannedJar } from "../plan/planned_jars.ts";
import type { PlannedRequest } from "../report/plan/planned_request.ts";

/** What each jar of a plan asks for in a process of its own, by what may start it. */
export function requestsOf(
  jars: readonly Pick<PlannedJar, "demand" | "options">[],
  criterion: Criterion,
): PlannedRequest[] {
  return jars.map(({ demand, options }) => {
    const { id, role, model, footprint, gpuLayers } = demand;
    return {
      id,
      role,
      model,
      contextSize: options.contextSize,
      floorBytes: footprint.floorBytes,
      requestBytes: requestOf(demand, criterion),
      limits: limitsOf(demand, criterion),
      devices: footprint.devices?.map(({ id, bytes }) => ({ id, bytes })) ?? [],
      ...gpuLayers && { gpuLayers },
    };
  });
}

/** The limit that each launcher is asked for that holds a jar to one. */
function limitsOf(demand: InstanceDemand, criterion: Criterion): PlannedRequest["limits"] {
  return LAUNCHERS.flatMap((launcher) => {
    const choice: LauncherChoice = { kind: "known", launcher, operand: "", words: [] };
    const limitBytes = limitOf(choice, demand, criterion);
    return limitBytes === undefined ? [] : [{ launcher: launcher.name, limitBytes }];
  });
}
