import type { MachineMemory } from "../../budget/memory.ts";
import { loadModule } from "../../load_module.ts";
import type { MachineFiles } from "../machine_files.ts";
import { type MemoryReading, type ReadingTerm, sumReading, takenOff } from "./reading.ts";
import { type MachineWarning, memoryUnreadable } from "../warning.ts";

/** What the whole machine has. */
export interface MachineTotals {
  readonly total: MemoryReading;
  readonly available: MemoryReading;
  /** Absent where the kernel was built without swap. */
  readonly swap?: NonNullable<MachineMemory["swap"]>;
  /** Memory set aside as huge pages of every size: in MemTotal, never in MemAvailable. */
  readonly hugePages: ReadingTerm;
  /** The fields of /proc/meminfo in bytes; none where it is hidden. */
  readonly fields: ReadonlyMap<string, number>;
  readonly warnings: readonly MachineWarning[];
}

/** Where it is read. */
export const MEMINFO_PATH = "/proc/meminfo";

/** Where the kernel keeps how many huge pages of each size there are. */
const HUGE_PAGES_PATH = "/sys/kernel/mm/hugepages";

/**
 * What the machine has, from /proc/meminfo, whose sizes are in kB of 1024 bytes. Where that is
 * hidden (a unit's ProcSubset=pid), the kernel still answers sysinfo(2): then nothing of what could
 * be reclaimed is counted, with a warning.
 *
 * Huge pages are in MemTotal and can't be had by a program that doesn't ask for them by name, so
 * the total is less them. MemAvailable came with Linux 3.14 and isn't everywhere (WSL 1): without it
 * the kernel's own rule is applied here.
 *
 * Throws `machine-unreadable` where none of it can be read, MemTotal or what would stand for
 * MemAvailable is missing, or the total is nothing: what a machine has is never guessed, and never
 * zero. Swap and huge pages may be missing, since a kernel can be built without them.
 */
export async function readMeminfo(files: MachineFiles): Promise<MachineTotals> {
  const path = files.locate(MEMINFO_PATH);
  const reading = files.read(MEMINFO_PATH);
  if (reading.kind === "text") return await parseMeminfo(files, reading.text, path);
  const reason = reading.kind === "absent" ? "it does not exist" : reading.reason;
  return await readHidden(files, reason) ?? fail(path, reason);
}

async function parseMeminfo(
  files: MachineFiles,
  text: string,
  path: string,
): Promise<MachineTotals> {
  const fields = parseFields(text);
  const term = (name: string): ReadingTerm | undefined => {
    const bytes = fields.get(name);
    return bytes === undefined ? undefined : { name, path, bytes };
  };
  const memTotal = term("MemTotal") ?? fail(path, "it has no readable 'MemTotal'");
  const hugePages = term("Hugetlb") ?? { name: "Hugetlb", path, bytes: defaultHugePages(fields) };
  const total = withoutHugePages(memTotal, hugePages);
  const available = term("MemAvailable") ??
    await withoutMemAvailable(files, fields, term) ??
    fail(path, "it has neither a readable 'MemAvailable' nor 'MemFree'");
  const [totalBytes, freeBytes] = [fields.get("SwapTotal"), fields.get("SwapFree")];
  return {
    total,
    // A kernel that believes more is available than exists is not to be believed beyond it.
    available: { ...available, bytes: Math.min(available.bytes, total.bytes) },
    ...(totalBytes !== undefined && freeBytes !== undefined
      ? { swap: { totalBytes, freeBytes } }
      : {}),
    hugePages,
    fields,
    warnings: [],
  };
}

async function withoutMemAvailable(
  files: MachineFiles,
  fields: ReadonlyMap<string, number>,
  term: (name: string) => ReadingTerm | undefined,
): Promise<MemoryReading | undefined> {
  const free = term("MemFree");
  if (free === undefined) return undefined;
  const { freeAndCached, readLowWatermark } = await loadModule<typeof import("./reclaimable.ts")>(
    import.meta,
    "./reclaimable.ts",
  );
  return freeAndCached("no MemAvailable here", free, term, readLowWatermark(files, fields));
}

/** What sysinfo(2) tells of a machine whose /proc/meminfo is hidden. */
async function readHidden(
  files: MachineFiles,
  reason: string,
): Promise<MachineTotals | undefined> {
  const memory = files.systemMemory();
  if (memory === undefined) return undefined;
  const path = "sysinfo(2)";
  const { hugePageBytesBelow } = await loadModule<typeof import("./huge_pages.ts")>(
    import.meta,
    "./huge_pages.ts",
  );
  const hugePages = {
    name: "huge pages",
    path: files.locate(HUGE_PAGES_PATH),
    bytes: hugePageBytesBelow(files, HUGE_PAGES_PATH),
  };
  const { swapTotal: totalBytes, swapFree: freeBytes } = memory;
  return {
    total: withoutHugePages({ name: "total RAM", path, bytes: memory.total }, hugePages),
    available: { name: "free RAM, no cache", path, bytes: Math.min(memory.free, memory.total) },
    swap: { totalBytes, freeBytes },
    hugePages,
    fields: new Map(),
    warnings: [{
      code: "meminfo-hidden",
      message: `'${files.locate(MEMINFO_PATH)}' can't be read (${reason}): only what is free ` +
        "counts as available, and whether overcommit is off isn't known",
    }],
  };
}

function withoutHugePages(total: ReadingTerm, hugePages: ReadingTerm): MemoryReading {
  const reading = hugePages.bytes > 0
    ? sumReading(`${total.name} − ${hugePages.name}`, [total, takenOff(hugePages)])
    : total;
  if (reading.bytes === 0) fail(total.path, `its '${reading.name}' is 0`);
  return reading;
}

/** Lines are `Name: 123 kB`, or `Name: 123` for a count; anything else is no field. */
export function parseFields(text: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^(\S+):\s+(\d+)( kB)?\s*$/.exec(line);
    if (match === null) continue;
    const [, name = "", digits = "", unit] = match;
    const value = Number(digits) * (unit === undefined ? 1 : 1024);
    if (Number.isSafeInteger(value)) fields.set(name, value);
  }
  return fields;
}

/** `Hugetlb` sums all sizes (Linux 4.19 and later); before it only the default size is told. */
function defaultHugePages(fields: ReadonlyMap<string, number>): number {
  return (fields.get("HugePages_Total") ?? 0) * (fields.get("Hugepagesize") ?? 0);
}

function fail(path: string, reason: string): never {
  throw memoryUnreadable(
    "machine-unreadable",
    `The machine's memory can't be read from '${path}'`,
    reason,
  );
}
