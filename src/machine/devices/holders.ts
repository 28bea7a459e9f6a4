import { defined } from "../../budget/defined.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import type { DeviceHolder } from "../../budget/memory.ts";

/** The first pid namespace's own number, which a driver's process ids are of (proc_ns.h). */
const FIRST_NAMESPACE = "pid:[4026531836]";

/**
 * Who holds memory, with their names, the largest first. A driver tells process ids of the host:
 * in a container the same number is another process, so none is named there.
 */
export function namedHolders(
  processes: readonly DeviceHolder[],
  files: MachineFiles,
): readonly DeviceHolder[] {
  const isFirst = files.readLink("/proc/self/ns/pid") === FIRST_NAMESPACE;
  return processes.map(({ processId, bytes }) => ({
    processId,
    ...defined({
      name: isFirst ? textOf(files, `/proc/${processId}/comm`)?.trim() : undefined,
      bytes,
    }),
  })).toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || a.processId - b.processId);
}
