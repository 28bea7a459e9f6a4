import type { CpuFeatures } from "../llama_cpp/options.ts";
import { readLinuxCpu } from "./linux_cpu.ts";
import { hasMachineFiles, machineFilesBelow, type MachineOptions } from "./machine_files.ts";
import { loadModule } from "../load_module.ts";

/**
 * What this machine's CPU has: from /proc on Linux (or a recorded tree), through systeminformation
 * elsewhere.
 *
 * Throws `cpu-unreadable` where it can't be read: a layout that was guessed would make a footprint
 * that was guessed.
 */
export async function readCpuFeatures(options: MachineOptions = {}): Promise<CpuFeatures> {
  const { root = "/" } = options;
  if (hasMachineFiles(root)) return await readLinuxCpu(machineFilesBelow(root));
  const { readReportedCpu } = await loadModule<typeof import("./systeminformation.ts")>(
    import.meta,
    "./systeminformation.ts",
  );
  return await readReportedCpu();
}
