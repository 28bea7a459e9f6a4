import type { FileRange } from "../footprint/sparse_ranges.ts";
import { openCLibrary } from "./c_library.ts";

/** Linux's number for pages that are read in no order (asm-generic/mman-common.h). */
const MADV_RANDOM = 1;

/** Where pages are larger, the kernel refuses what doesn't begin on one. */
const PAGE = 4096;

/** A stretch of addresses that shows a stretch of a file. */
interface Mapping {
  readonly path: string;
  readonly address: number;
  /** Where in the file it begins and ends. */
  readonly start: number;
  readonly end: number;
}

/**
 * The mappings of files in /proc/PID/maps (proc_pid_maps(5)); lines without a path are left out.
 */
export function parseMappings(maps: string): Mapping[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(\/.*)$/gm);
  return [...lines].map(([, from = "", to = "", offset = "", path = ""]) => {
    const address = parseInt(from, 16);
    const start = parseInt(offset, 16);
    return { path, address, start, end: start + parseInt(to, 16) - address };
  });
}

/**
 * Has the kernel read single pages where a loaded model's files are read only here and there,
 * instead of as much around each as the disk's read-ahead says (often megabytes).
 *
 * In a control group as large as the working set, a model of 60 million parameters thought 16
 * times slower with the kernel's own read-ahead: each row of the embedding threw out a layer.
 * What can't be done (no Linux, no permission, a file that was moved) is left: it costs time, not
 * memory.
 *
 * Answers how many ranges were told.
 */
export function readPageByPage(ranges: readonly FileRange[]): number {
  const library = ranges.length === 0 ? undefined : openCLibrary();
  if (library === undefined) return 0;
  let told = 0;
  try {
    const mappings = parseMappings(Deno.readTextFileSync("/proc/self/maps"));
    const paths = new Map<string, string>();
    for (const range of ranges) {
      const path = paths.get(range.path) ?? Deno.realPathSync(range.path);
      paths.set(range.path, path);
      for (const mapping of mappings) {
        if (mapping.path !== path) continue;
        const start = Math.ceil(Math.max(range.start, mapping.start) / PAGE) * PAGE;
        const end = Math.floor(Math.min(range.end, mapping.end) / PAGE) * PAGE;
        if (end <= start) continue;
        const address = BigInt(mapping.address + start - mapping.start);
        if (library.symbols.madvise(address, BigInt(end - start), MADV_RANDOM) === 0) told++;
      }
    }
  } catch {
    return told;
  }
  return told;
}
