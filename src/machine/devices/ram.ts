import { type MachineFiles, textOf } from "../machine_files.ts";
import { MEMINFO_PATH, parseFields } from "../memory/meminfo.ts";
import type { DeviceReading } from "./reading.ts";

/**
 * All of RAM as a device's memory, for one that has none of its own; nothing where the kernel
 * doesn't tell. What limits a process in RAM is judged there: a `unified` pool is counted in both.
 *
 * @param share how much of it the device's driver gives out
 * @param rule who says so, for the figure's name
 */
export function readRam(
  files: MachineFiles,
  share = 1,
  rule?: string,
): Pick<DeviceReading, "totalBytes" | "availableBytes" | "sources"> | undefined {
  const fields = parseFields(textOf(files, MEMINFO_PATH) ?? "");
  const [total, available] = [fields.get("MemTotal"), fields.get("MemAvailable")];
  if (!total || available === undefined) return undefined;
  const path = files.locate(MEMINFO_PATH);
  const totalBytes = Math.floor(total * share);
  const availableBytes = Math.min(available, totalBytes);
  const name = rule === undefined ? "MemTotal" : `MemTotal × ${share} (${rule})`;
  return {
    totalBytes,
    availableBytes,
    sources: [
      { figure: "total", name, path, bytes: totalBytes, decides: true },
      { figure: "available", name: "MemAvailable", path, bytes: availableBytes, decides: true },
    ],
  };
}
