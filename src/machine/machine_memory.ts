import { loadModule } from "../load_module.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { readLinuxMemory } from "./memory/linux_memory.ts";
import { hasMachineFiles, machineFilesBelow, type MachineOptions } from "./machine_files.ts";

/**
 * What memory this machine really has for a process, in whole bytes: Linux from /proc and control
 * groups, macOS and Windows through systeminformation. What others have reserved (the ledger) is not
 * taken off yet.
 *
 * Throws `machine-unreadable` and `control-group-unreadable` rather than answer a figure that was
 * not read.
 *
 * @example
 * ```ts
 * import { readMachineMemory } from "./machine_memory.ts";
 * const memory = await readMachineMemory();
 * if (memory.availableBytes > memory.totalBytes) throw new Error("more than there is");
 * ```
 */
export async function readMachineMemory(options: MachineOptions = {}): Promise<MachineMemory> {
  const { root = "/", processId = "self" } = options;
  if (hasMachineFiles(root)) return await readLinuxMemory(machineFilesBelow(root), processId);
  // Imported only where it is needed, so that Linux never waits for it.
  const { readReportedMemory } = await loadModule<typeof import("./systeminformation.ts")>(
    import.meta,
    "./systeminformation.ts",
  );
  return await readReportedMemory();
}
