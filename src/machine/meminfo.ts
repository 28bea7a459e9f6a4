import type { MachineFiles } from "./machine_files.ts";
import { memoryUnreadable } from "./warning.ts";

/** What brainjar reads in /proc/meminfo, in bytes. */
interface MemoryInformation {
  readonly totalBytes: number;
  /** The kernel's own estimate of what can be had without swapping; counts reclaimable cache. */
  readonly availableBytes: number;
  /** Absent where the kernel was built without swap. */
  readonly swap?: { readonly totalBytes: number; readonly freeBytes: number };
  /** Memory set aside as huge pages of every size: in MemTotal, never in MemAvailable. */
  readonly hugePageBytes: number;
}

/** Where it is read. */
export const MEMINFO_PATH = "/proc/meminfo";

/**
 * Parses the text of /proc/meminfo. Sizes there are in kB of 1024 bytes.
 *
 * `path` is quoted in errors. Throws `machine-unreadable` where MemTotal or MemAvailable is missing
 * (MemAvailable came with Linux 3.14), is no whole number, or says what cannot be; swap and huge
 * pages may be missing, since a kernel can be built without them.
 */
function parseMeminfo(text: string, path: string = MEMINFO_PATH): MemoryInformation {
  const fields = parseFields(text);
  const required = (name: string): number => {
    const bytes = fields.get(name);
    if (bytes === undefined) throw unreadable(path, `it has no readable '${name}'`);
    return bytes;
  };
  const totalBytes = required("MemTotal");
  if (totalBytes === 0) throw unreadable(path, "its 'MemTotal' is 0");
  const availableBytes = required("MemAvailable");
  const swapTotal = fields.get("SwapTotal");
  const swapFree = fields.get("SwapFree");
  return {
    totalBytes,
    // A kernel that believes more is available than exists is not to be believed beyond it.
    availableBytes: Math.min(availableBytes, totalBytes),
    ...(swapTotal !== undefined && swapFree !== undefined
      ? { swap: { totalBytes: swapTotal, freeBytes: swapFree } }
      : {}),
    hugePageBytes: hugePageBytes(fields),
  };
}

/**
 * Reads /proc/meminfo. Throws `machine-unreadable` where it isn't there, can't be read or can't be
 * understood: what a machine has is never guessed, and never zero.
 */
export function readMeminfo(files: MachineFiles): MemoryInformation {
  const path = files.locate(MEMINFO_PATH);
  const reading = files.read(MEMINFO_PATH);
  if (reading.kind === "absent") throw unreadable(path, "it does not exist");
  if (reading.kind === "unreadable") throw unreadable(path, reading.reason);
  return parseMeminfo(reading.text, path);
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
function hugePageBytes(fields: ReadonlyMap<string, number>): number {
  return fields.get("Hugetlb") ??
    (fields.get("HugePages_Total") ?? 0) * (fields.get("Hugepagesize") ?? 0);
}

function unreadable(path: string, reason: string) {
  return memoryUnreadable(
    "machine-unreadable",
    `The machine's memory can't be read from '${path}'`,
    reason,
  );
}
