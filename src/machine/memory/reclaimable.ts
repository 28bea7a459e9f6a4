import { sum } from "../../budget/sum.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import { type MemoryReading, type ReadingTerm, sumReading, takenOff } from "./reading.ts";

/** What the kernel keeps free at least, in kB. */
const MIN_FREE_PATH = "/proc/sys/vm/min_free_kbytes";

/** How far above it the kernel begins to reclaim, in 10,000ths of memory. */
const SCALE_PATH = "/proc/sys/vm/watermark_scale_factor";

/** The kernel's own `watermark_scale_factor` where nobody sets it. */
const DEFAULT_SCALE = 10;

/**
 * The sum of all zones' low watermarks in bytes, as the kernel computes it from its settings
 * (mm/page_alloc.c, `__setup_per_zone_wmarks`): what is kept free, and the larger of a quarter of
 * it and a thousandth of memory. Where the settings are hidden, their defaults for so much memory.
 *
 * @param fields those of /proc/meminfo
 */
export function readLowWatermark(
  files: MachineFiles,
  fields: ReadonlyMap<string, number>,
): ReadingTerm {
  const totalBytes = fields.get("MemTotal") ?? 0;
  const least = readNumber(files, MIN_FREE_PATH);
  const minimum = least === undefined ? defaultMinimum(totalBytes) : least * 1024;
  const scale = readNumber(files, SCALE_PATH) ?? DEFAULT_SCALE;
  const bytes = minimum + Math.ceil(Math.max(minimum / 4, totalBytes * scale / 10_000));
  return { name: "low watermark", path: files.locate(MIN_FREE_PATH), bytes };
}

/** `init_per_zone_wmark_min`: 4 × √kB, from 128 kB to 256 MB. */
function defaultMinimum(totalBytes: number): number {
  const kilobytes = 4 * Math.sqrt(totalBytes / 1024);
  return Math.ceil(Math.min(262_144, Math.max(128, kilobytes))) * 1024;
}

/**
 * What the kernel's own rule for MemAvailable takes off a cache (mm/show_mem.c,
 * `si_mem_available`): some of it is in use or needed soon, at most half of it and no more than the
 * low watermark.
 */
export function keptOfCache(cacheBytes: number, lowWatermark: ReadingTerm): number {
  return Math.ceil(Math.min(cacheBytes / 2, lowWatermark.bytes));
}

/**
 * What can be had where the kernel doesn't say MemAvailable, by its own rule: free memory less the
 * low watermark, the file cache and the reclaimable kernel memory less what is kept of each. Caches
 * that aren't told aren't counted.
 *
 * @param why why it is computed, for the reading's name
 * @param term finds a field of meminfo, the machine's or a node's
 */
export function freeAndCached(
  why: string,
  free: ReadingTerm,
  term: (name: string) => ReadingTerm | undefined,
  lowWatermark: ReadingTerm,
): MemoryReading {
  const files = fileCache(term);
  const slab = term("SReclaimable");
  const kept = sum([
    lowWatermark.bytes,
    keptOfCache(sum(files.map(({ bytes }) => bytes)), lowWatermark),
    keptOfCache(slab?.bytes ?? 0, lowWatermark),
  ]);
  return sumReading(`MemFree + file cache + reclaimable kernel memory (${why})`, [
    free,
    ...files,
    ...(slab ? [slab] : []),
    takenOff({ ...lowWatermark, name: "kept free and of caches", bytes: kept }),
  ]);
}

/** File pages that the kernel can drop; where they aren't told apart, all that aren't shared memory. */
function fileCache(term: (name: string) => ReadingTerm | undefined): ReadingTerm[] {
  const lists = ["Active(file)", "Inactive(file)"].flatMap((name) => term(name) ?? []);
  if (lists.length > 0) return lists;
  const cached = term("Cached") ?? term("FilePages");
  const shared = term("Shmem");
  if (cached === undefined || shared === undefined || shared.bytes > cached.bytes) return [];
  return [cached, takenOff(shared)];
}

function readNumber(files: MachineFiles, path: string): number | undefined {
  const digits = /^\d{1,12}/.exec(textOf(files, path) ?? "")?.[0];
  return digits === undefined ? undefined : Number(digits);
}
