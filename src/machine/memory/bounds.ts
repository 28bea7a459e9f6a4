import type { MachineFiles, ProcessId } from "../machine_files.ts";
import type { MachineTotals } from "./meminfo.ts";
import { readMemoryNodes } from "./memory_nodes.ts";
import { readOvercommit } from "./overcommit.ts";
import { readProcessLimits } from "./process_limits.ts";
import type { Bounds } from "./reading.ts";

/**
 * What bounds a process beside its control groups: the memory nodes it may use, its own limits, and
 * what the kernel still promises where overcommit is off.
 *
 * Throws `machine-unreadable` where a memory node that counts can't be read.
 */
export function readBounds(
  files: MachineFiles,
  processId: ProcessId,
  machine: MachineTotals,
): Bounds {
  const found = [
    readMemoryNodes(files, processId, machine.fields),
    readProcessLimits(files, processId),
    readOvercommit(files, processId, machine),
  ];
  return {
    // A total of nothing is no machine: a limit that is used up leaves one byte of it.
    totals: found.flatMap(({ totals }) => totals)
      .map((reading) => ({ ...reading, bytes: Math.max(1, reading.bytes) })),
    available: found.flatMap(({ available }) => available),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}
