import { defined } from "../../budget/defined.ts";
import { decide, type MachineMemory, type MemoryPressure } from "../../budget/memory.ts";
import { joinGroup } from "../control_groups/control_group_path.ts";
import {
  type ControlGroupMemory,
  readControlGroupMemory,
} from "../control_groups/control_group_memory.ts";
import { type ControlGroup, findControlGroups } from "../control_groups/control_groups.ts";
import { readLeftOut } from "./memory_left_out.ts";
import { loadModule } from "../../load_module.ts";
import { type MachineFiles, type ProcessId, textOf } from "../machine_files.ts";
import type { MachineWarning } from "../warning.ts";
import { readMeminfo } from "./meminfo.ts";
import {
  type MemoryReading,
  NODES_PATH,
  OVERCOMMIT_PATH,
  sumReading,
  takenOff,
} from "./reading.ts";
import { MACHINE_PRESSURE_PATH, readPressure, worsePressure } from "../pressure.ts";

/**
 * What memory Linux has for a process: MemTotal and MemAvailable, bounded by every memory limit of
 * the control groups it is in, their ancestors too, by its own limits, by overcommit where it is
 * off, and by the memory nodes it may use (src/budget/README.md, "Words"). Whole bytes.
 *
 * Swap is told and not counted; huge pages and the ZFS cache are told and not counted.
 *
 * Throws `machine-unreadable` and `control-group-unreadable`; what is doubtful without making the
 * figures too large is a warning.
 */
export async function readLinuxMemory(
  files: MachineFiles,
  processId: ProcessId,
): Promise<MachineMemory> {
  const machine = await readMeminfo(files);
  const { groups, warnings: groupWarnings } = findControlGroups(files, processId);
  const warnings: MachineWarning[] = [...machine.warnings, ...groupWarnings];

  const totals: MemoryReading[] = [machine.total];
  const available: MemoryReading[] = [machine.available];
  const highest = groups.findLast((group) => group.version === 1);
  for (const group of groups) {
    const reading = await readControlGroupMemory(files, group, {
      highest: group === highest,
      fields: machine.fields,
    });
    warnings.push(...reading.warnings);
    if (reading.memory === undefined) continue;
    for (const { name, path, bytes } of reading.memory.limits) {
      totals.push({ name: `${name} of ${group.name}`, path, bytes });
    }
    available.push(...availableReadings(reading.memory));
  }
  if (mayBeBound(files, processId)) {
    const { readBounds } = await loadModule<typeof import("./bounds.ts")>(
      import.meta,
      "./bounds.ts",
    );
    const bounds = readBounds(files, processId, machine);
    totals.push(...bounds.totals);
    available.push(...bounds.available);
    warnings.push(...bounds.warnings);
  }

  const pressure = readAllPressure(files, groups, warnings);
  const leftOut = readLeftOut(files, machine.hugePages);
  return {
    ...decide([
      ...totals.map((reading) => ({ figure: "total" as const, ...reading })),
      ...available.map((reading) => ({ figure: "available" as const, ...reading })),
    ]),
    reservedBytes: 0,
    ...defined({ pressure, swap: machine.swap }),
    ...(leftOut.length === 0 ? {} : { leftOut }),
    warnings,
  };
}

/** Neither of the limits that a load meets is set, as nearly everywhere. */
const UNLIMITED = /^Max data size +unlimited [^]*^Max address space +unlimited /m;

/** Whether anything but control groups may bound the process; most have nothing to be read for it. */
function mayBeBound(files: MachineFiles, processId: ProcessId): boolean {
  return !UNLIMITED.test(textOf(files, `/proc/${processId}/limits`) ?? "") ||
    !/^[01]/.test(textOf(files, OVERCOMMIT_PATH) ?? "") ||
    files.subfolders(NODES_PATH).filter((name) => /^node\d/.test(name)).length > 1;
}

/** limit − usage + reclaimable: not below nothing, and not above the limit. */
function availableReadings(memory: ControlGroupMemory): readonly MemoryReading[] {
  const { usage, reclaimable, kernel, group } = memory;
  const taken = kernel.bytes > 0 ? [reclaimable, kernel] : [reclaimable];
  const words = kernel.bytes > 0 ? "file cache and kernel memory" : "file cache";
  return memory.limits.map((limit) =>
    sumReading(`${limit.name} − ${usage.name} + reclaimable ${words} of ${group.name}`, [
      limit,
      takenOff(usage),
      ...taken,
    ])
  );
}

function readAllPressure(
  files: MachineFiles,
  groups: readonly ControlGroup[],
  warnings: MachineWarning[],
): MemoryPressure | undefined {
  const second = groups.filter((group) => group.version === 2);
  const own = second.map((group) => joinGroup(group.folder, ["memory.pressure"]));
  let pressure: MemoryPressure | undefined;
  for (const path of [MACHINE_PRESSURE_PATH, ...own]) {
    const reading = readPressure(files, path);
    if (reading.kind === "pressure") pressure = worsePressure(pressure, reading.pressure);
    if (reading.kind === "unreadable") {
      warnings.push({
        code: "pressure-unreadable",
        message: `Memory pressure can't be read from '${files.locate(path)}': ${reading.reason}`,
      });
    }
  }
  return pressure;
}
