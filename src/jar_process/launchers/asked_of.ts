import type { Criterion, InstanceDemand } from "../../budget/demand.ts";
import { RAM } from "../../budget/pools/pools.ts";
import { requiredOn } from "../../budget/required.ts";
import type { LaunchRequest } from "./fill_template.ts";
import type { LauncherChoice } from "./read_launcher.ts";
import { CONTROL_GROUP } from "./table.ts";

/** Without a backtrace, which would start a debugger; with one arena, whose free end goes back. */
export const JAR_ENVIRONMENT = { GGML_NO_BACKTRACE: "1", MALLOC_ARENA_MAX: "1" } as const;

/** What starts a jar, for people: `slurm`, `ssh HOST`, or the first word of a command. */
export function launcherName(choice: LauncherChoice): string {
  return choice.kind === "known"
    ? `${choice.launcher.name} ${choice.operand}`.trim()
    : choice.line.split(" ", 1)[0] ?? "";
}

/** Whether a jar that is started in this way takes this machine's memory. */
export function startsHere(choice: LauncherChoice): boolean {
  return choice.kind === "known" && choice.launcher.isHere;
}

/**
 * What a jar is asked a machine for, in bytes: its working set, or what else the criterion and its own
 * RAM limit have it need.
 */
export function requestOf(demand: InstanceDemand, criterion: Criterion): number {
  return requiredOn(RAM, demand, criterion);
}

/**
 * The limit that is asked for, in whole bytes: the floor and what the launcher's accounting adds, never
 * under it, and never under the request: mapped weights are counted in the limit, and where they don't
 * fit each token would read them anew. Nothing where the launcher holds a jar to no limit.
 */
export function limitOf(
  choice: LauncherChoice,
  demand: InstanceDemand,
  criterion: Criterion,
): number | undefined {
  const limit = choice.kind === "line"
    ? /\{memory(-mib)?\}/.test(choice.line) ? CONTROL_GROUP : undefined
    : choice.launcher.limit;
  if (limit === undefined) return undefined;
  const least = Math.max(
    demand.footprint.floorBytes + limit.addedBytes,
    requestOf(demand, criterion),
  );
  return Math.ceil(least / limit.stepBytes) * limit.stepBytes;
}

/** Devices that a jar needs. */
export function devicesNeeded({ footprint }: Pick<InstanceDemand, "footprint">): number {
  return footprint.devices?.length ?? 0;
}

/** All that a launcher is asked for a jar; its floor where it is held to no limit. */
export function askedOf(
  choice: LauncherChoice,
  demand: InstanceDemand,
  criterion: Criterion,
): Pick<LaunchRequest, "memoryBytes" | "requestBytes" | "gpus"> {
  return {
    memoryBytes: limitOf(choice, demand, criterion) ?? demand.footprint.floorBytes,
    requestBytes: requestOf(demand, criterion),
    gpus: devicesNeeded(demand),
  };
}
