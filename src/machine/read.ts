import type { MachineMemory } from "../budget/memory.ts";
import { readLinuxMemory } from "./linux.ts";
import { machineFilesBelow } from "./machine_files.ts";
import type { ProcessId } from "./process_id.ts";
import { loadModule } from "../load_module.ts";

/** Which machine and which process. */
export interface MachineOptions {
  /** Where the machine's files are: `/`, or a recorded tree. A tree is always read as Linux. */
  readonly root?: string;
  /** Whose control groups bound the memory; this process's own by default. */
  readonly processId?: ProcessId;
}

/**
 * What memory this machine really has for a process, in whole bytes: Linux from /proc and control
 * groups, macOS and Windows through systeminformation. Others' promises (the ledger) are not taken
 * off yet.
 *
 * Throws `machine-unreadable` and `control-group-unreadable` rather than answer a figure that was
 * not read.
 *
 * @example
 * ```ts
 * import { readMachineMemory } from "./read.ts";
 * const memory = await readMachineMemory();
 * if (memory.availableBytes > memory.totalBytes) throw new Error("more than there is");
 * ```
 */
export async function readMachineMemory(options: MachineOptions = {}): Promise<MachineMemory> {
  const { root = "/", processId = "self" } = options;
  const recorded = root !== "/";
  if (recorded || Deno.build.os === "linux" || Deno.build.os === "android") {
    return readLinuxMemory(machineFilesBelow(root), processId);
  }
  // Imported only where it is needed, so that Linux never waits for it.
  const { readOtherMemory } = await loadModule<typeof import("./other.ts")>(
    import.meta,
    "./other.ts",
  );
  return await readOtherMemory();
}
