import { type MachineFiles, type ProcessId, textOf } from "../machine_files.ts";
import { type MachineTotals, MEMINFO_PATH, parseFields } from "./meminfo.ts";
import {
  type Bounds,
  OVERCOMMIT_PATH,
  type ReadingTerm,
  sumReading,
  takenOff,
  UNBOUNDED,
} from "./reading.ts";

/** `vm.overcommit_memory` where the kernel promises no more than there is. */
const NEVER = "2";

/** What the kernel keeps back of the limit, and its own default of each in kB (mm/util.c). */
const KEPT = [["user_reserve_kbytes", 131_072], ["admin_reserve_kbytes", 8192]] as const;

/**
 * What a machine with overcommit off still promises: CommitLimit − Committed_AS, less what is kept
 * for root and for a user to recover with (Documentation/mm/overcommit-accounting). Allocations
 * beyond it fail, however much memory is free. With the other two modes there is no such limit.
 *
 * Where the mode can't be read and the limit would decide, a warning says so.
 *
 * @param machine what /proc/meminfo has
 */
export function readOvercommit(
  files: MachineFiles,
  processId: ProcessId,
  machine: Pick<MachineTotals, "fields" | "available">,
): Bounds {
  const field = (name: string): ReadingTerm | undefined => {
    const bytes = machine.fields.get(name);
    return bytes === undefined ? undefined : { name, path: files.locate(MEMINFO_PATH), bytes };
  };
  const mode = textOf(files, OVERCOMMIT_PATH)?.trim();
  if (mode !== undefined && mode !== NEVER) return UNBOUNDED;
  const limit = field("CommitLimit");
  const committed = field("Committed_AS");
  if (mode === undefined) {
    const mayDecide = limit !== undefined && committed !== undefined &&
      limit.bytes - committed.bytes < machine.available.bytes;
    return mayDecide ? unread(files.locate(OVERCOMMIT_PATH), "can't be read") : UNBOUNDED;
  }
  if (limit === undefined || committed === undefined) {
    return unread(
      files.locate(OVERCOMMIT_PATH),
      "is 2 and meminfo has no CommitLimit and Committed_AS",
    );
  }
  const kept = KEPT.map(([name, defaultKilobytes]) => {
    const path = `/proc/sys/vm/${name}`;
    const kilobytes = /^\d{1,12}/.exec(textOf(files, path) ?? "")?.[0] ?? defaultKilobytes;
    return takenOff({ name, path: files.locate(path), bytes: Number(kilobytes) * 1024 });
  });
  const path = `/proc/${processId}/status`;
  const status = parseFields(textOf(files, path) ?? "");
  const own = (name: string): ReadingTerm => (
    { name, path: files.locate(path), bytes: status.get(name) ?? 0 }
  );
  return {
    totals: [
      sumReading(
        "CommitLimit − what is reserved and not filled (overcommit is off)",
        [limit, ...kept, takenOff(own("VmData")), own("RssAnon")],
        "committed",
      ),
    ],
    available: [
      sumReading(
        "CommitLimit − Committed_AS (overcommit is off)",
        [limit, takenOff(committed), ...kept],
        "committed",
      ),
    ],
    warnings: [],
  };
}

function unread(path: string, what: string): Bounds {
  return {
    ...UNBOUNDED,
    warnings: [{
      code: "overcommit-unreadable",
      message:
        `'${path}' ${what}: whether the kernel promises no more than there is isn't known, ` +
        "and its limit isn't counted",
    }],
  };
}
