import type { MemoryLeftOut } from "../../budget/memory.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import type { ReadingTerm } from "./reading.ts";

/** Where OpenZFS reports its cache. */
const ZFS_CACHE_PATH = "/proc/spl/kstat/zfs/arcstats";

/**
 * Memory that looks as if it could be had and isn't counted, for `brainjar memory` to explain.
 *
 * Neither is in MemAvailable: huge pages are set aside for programs that ask for them by name, and the ZFS cache gives way only when the kernel already
 * presses, later than a loading model needs it. An unreadable cache size is simply not told, since
 * no figure depends on it.
 */
export function readLeftOut(files: MachineFiles, hugePages: ReadingTerm): readonly MemoryLeftOut[] {
  const leftOut: MemoryLeftOut[] = [];
  if (hugePages.bytes > 0) {
    leftOut.push({
      name: "Huge pages",
      path: hugePages.path,
      bytes: hugePages.bytes,
      reason: "set aside for programs that ask for huge pages",
    });
  }
  // A line of the kernel's statistics: name, type, value.
  const size = /^size\s+\d+\s+(\d+)$/m.exec(textOf(files, ZFS_CACHE_PATH) ?? "")?.[1];
  if (size !== undefined && Number(size) > 0) {
    leftOut.push({
      name: "ZFS cache",
      path: files.locate(ZFS_CACHE_PATH),
      bytes: Number(size),
      reason: "given back too late to count on",
    });
  }
  return leftOut;
}
