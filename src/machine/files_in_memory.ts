import { sum } from "../budget/sum.ts";
import { type MachineFiles, machineFilesBelow, textOf } from "./machine_files.ts";

/** What is asked of a file. */
export type FileStatus = Pick<Deno.FileInfo, "dev" | "size" | "blocks">;

/** Bytes of a block, as stat(2) counts them. */
const BLOCK = 512;

/** File systems whose files are memory: what is stored there was taken from it already. */
const MEMORY_FILE_SYSTEMS = new Set(["tmpfs", "ramfs"]);

/**
 * How many bytes of these files lie in memory already, since their file system is memory (tmpfs:
 * /dev/shm, a container's emptyDir of medium Memory; ramfs). Mapping them takes none; they are in
 * the usage of the group that wrote them. Holes don't count: reading one allocates its pages.
 *
 * 0 where that can't be told: then they are asked for once more.
 */
export function bytesInMemory(
  paths: readonly string[],
  files: MachineFiles = machineFilesBelow("/"),
  status: (path: string) => FileStatus = Deno.statSync,
): number {
  let mounts: ReadonlyMap<string, string> | undefined;
  return sum(paths.map((path) => {
    const found = statusOf(path, status);
    // Disks have a device of their own; what has none may be memory.
    if (found === undefined || majorOf(found.dev) !== 0) return 0;
    mounts ??= fileSystems(textOf(files, "/proc/self/mountinfo") ?? "");
    const type = mounts.get(`0:${minorOf(found.dev)}`);
    if (type === undefined || !MEMORY_FILE_SYSTEMS.has(type)) return 0;
    // ramfs counts no blocks, and has no holes that anybody copies a model to.
    const there = type === "ramfs" ? found.size : (found.blocks ?? 0) * BLOCK;
    return Math.min(found.size, there);
  }));
}

function statusOf(path: string, status: (path: string) => FileStatus): FileStatus | undefined {
  try {
    return status(path);
  } catch {
    return undefined;
  }
}

/** Linux's encoding of a device number: minor's low byte, major's 12 bits, the rest of both. */
function majorOf(device: number): number {
  return Math.floor(device / 2 ** 8) % 2 ** 12 + Math.floor(device / 2 ** 44) * 2 ** 12;
}

function minorOf(device: number): number {
  return device % 2 ** 8 + Math.floor(device / 2 ** 20) % 2 ** 24 * 2 ** 8;
}

/** Types of the mounted file systems by device, as /proc/PID/mountinfo has them. */
function fileSystems(mountinfo: string): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [device] = before.split(" ").slice(2);
    const [type] = after.split(" ");
    if (device !== undefined && type) types.set(device, type);
  }
  return types;
}
