import { type MachineFiles, type ProcessId, textOf } from "../machine_files.ts";
import { parseFields } from "./meminfo.ts";
import { type Bounds, type MemoryReading, sumReading, takenOff, UNBOUNDED } from "./reading.ts";
import type { MachineWarning } from "../warning.ts";

/** The limits that a load of a model meets, as /proc/PID/limits and /proc/PID/status name them. */
const LIMITS = [
  { line: "Max data size", name: "RLIMIT_DATA", used: "VmData", counts: "data" },
  { line: "Max address space", name: "RLIMIT_AS", used: "VmSize", counts: "address-space" },
] as const;

/**
 * The limits of a process on its data (`ulimit -d`, LimitDATA= of a unit) and its address space
 * (`ulimit -v`, LimitAS=, many a batch system): allocations beyond them fail, and the program ends.
 * The soft limits count; RLIMIT_RSS is nothing that Linux enforces.
 *
 * What is available is the limit less what the process uses by the kernel's own count. The total is
 * the limit less what it uses and doesn't fill: V8 reserves half a GB of data and some 18 GB of
 * address space, which no jar can have.
 *
 * Where a limit can't be read it isn't counted, with a warning.
 */
export function readProcessLimits(files: MachineFiles, processId: ProcessId): Bounds {
  const limitsPath = `/proc/${processId}/limits`;
  const statusPath = `/proc/${processId}/status`;
  const reading = files.read(limitsPath);
  if (reading.kind !== "text") {
    return unread(files.locate(limitsPath), reading.kind === "absent" ? MISSING : reading.reason);
  }
  const totals: MemoryReading[] = [];
  const available: MemoryReading[] = [];
  const warnings: MachineWarning[] = [];
  let status: ReadonlyMap<string, number> | undefined;
  for (const { line, name, used, counts } of LIMITS) {
    const soft = new RegExp(`^${line} +(\\S+) `, "m").exec(reading.text)?.[1];
    if (soft === "unlimited") continue;
    // Only asked of the few that are limited.
    status ??= parseFields(textOf(files, statusPath) ?? "");
    const usedBytes = status.get(used);
    const filledBytes = status.get("RssAnon");
    if (soft === undefined || !/^\d{1,20}$/.test(soft)) {
      warnings.push(...unread(files.locate(limitsPath), `it has no readable '${line}'`).warnings);
    } else if (usedBytes === undefined || filledBytes === undefined) {
      warnings.push(
        ...unread(files.locate(statusPath), `it has no readable '${used}' and 'RssAnon'`).warnings,
      );
    } else {
      const limit = { name, path: files.locate(limitsPath), bytes: Number(soft) };
      const path = files.locate(statusPath);
      totals.push(
        sumReading(`${name} − what is reserved and not filled`, [
          limit,
          takenOff({ name: used, path, bytes: usedBytes }),
          { name: "RssAnon", path, bytes: Math.min(filledBytes, usedBytes) },
        ], counts),
      );
      available.push(
        sumReading(
          `${name} − ${used}`,
          [limit, takenOff({ name: used, path, bytes: usedBytes })],
          counts,
        ),
      );
    }
  }
  return { totals, available, warnings };
}

const MISSING = "it does not exist";

function unread(path: string, reason: string): Bounds {
  return {
    ...UNBOUNDED,
    warnings: [{
      code: "process-limits-unreadable",
      message:
        `Limits of this process on its data and address space can't be read from '${path}' ` +
        `(${reason}); none is counted`,
    }],
  };
}
