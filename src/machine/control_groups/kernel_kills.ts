import { type MachineFiles, type ProcessId, textOf } from "../machine_files.ts";
import { findControlGroups } from "./control_groups.ts";

/** Where a group says how many of its own processes the kernel ended, and no group's below it. */
const OWN_KILLS = { 1: "memory.oom_control", 2: "memory.events.local" } as const;

/** Where the machine says it of all its processes. */
const MACHINES_KILLS = "/proc/vmstat";

/**
 * Whether the kernel has ended a process for want of memory since it was asked last: one of the control
 * group that the process is or was in at last, which counts those that were in it, whosever limit they
 * passed. Where no group's count can be read (a scope goes with its last process, the first group of
 * version 2 counts nothing), any on this machine; so too where the process isn't known.
 *
 * @example
 * ```ts
 * import { watchKernelKills } from "./kernel_kills.ts";
 * import { machineFilesBelow } from "../machine_files.ts";
 * const wasKilled = watchKernelKills(machineFilesBelow("/"), 1);
 * if (wasKilled()) throw new Error("Nothing happened meanwhile");
 * ```
 */
export function watchKernelKills(files: MachineFiles, process?: ProcessId): () => boolean {
  let group = ownGroupFile(files, process);
  let groupCount = countOf(files, group);
  let machineCount = countOf(files, MACHINES_KILLS);
  return () => {
    const groupNow = countOf(files, group);
    const machineNow = countOf(files, MACHINES_KILLS);
    const wasKilled = groupNow === undefined
      ? isMore(machineNow, machineCount)
      : isMore(groupNow, groupCount);
    // It may have been moved; one that has ended was in the group that is known.
    const next = ownGroupFile(files, process) ?? group;
    groupCount = next === group ? groupNow : countOf(files, next);
    group = next;
    machineCount = machineNow;
    return wasKilled;
  };
}

function isMore(count: number | undefined, before: number | undefined): boolean {
  return count !== undefined && before !== undefined && count > before;
}

/** The file of the group that a process is in; nothing where it isn't known, has ended, or is in none. */
function ownGroupFile(files: MachineFiles, process: ProcessId | undefined): string | undefined {
  if (process === undefined) return undefined;
  try {
    const [group] = findControlGroups(files, process).groups;
    return group && `${group.folder}/${OWN_KILLS[group.version]}`;
  } catch {
    return undefined;
  }
}

function countOf(files: MachineFiles, path: string | undefined): number | undefined {
  try {
    const text = path === undefined ? undefined : textOf(files, path);
    const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}
