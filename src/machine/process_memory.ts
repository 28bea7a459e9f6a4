import { BrainjarError } from "../budget/error.ts";
import { type MachineFiles, machineFilesBelow, type ProcessId } from "./machine_files.ts";

/** What one process holds in memory, in bytes, as the kernel counts it. */
interface ProcessMemory {
  /** Memory of no file: what the kernel kills for (RssAnon). */
  readonly anonymousBytes: number;
  /** Pages of mapped files, which the kernel can take back (RssFile). */
  readonly fileBytes: number;
  /** Shared memory and tmpfs (RssShmem). */
  readonly sharedBytes: number;
  /** All three together now. */
  readonly residentBytes: number;
  /** All three together at their highest (VmHWM). */
  readonly peakResidentBytes: number;
  /** Swapped out (VmSwap). */
  readonly swappedBytes: number;
}

/** What one process holds when pages that several processes map are divided among them. */
interface ProportionalMemory {
  /** The proportional set size, all kinds. */
  readonly bytes: number;
  readonly anonymousBytes: number;
  readonly fileBytes: number;
}

/**
 * Parses /proc/PID/status. Nothing where it has no memory: the process has ended and waits to be
 * collected, or is a kernel thread.
 *
 * @example
 * ```ts
 * import { parseProcessMemory } from "./process_memory.ts";
 * const memory = parseProcessMemory("VmHWM: 9 kB\nRssAnon: 4 kB\nRssFile: 2 kB\nRssShmem: 0 kB\n");
 * if (memory?.residentBytes !== 6 * 1024) throw new Error("expected 6 KiB");
 * ```
 */
export function parseProcessMemory(text: string): ProcessMemory | undefined {
  const anonymousBytes = kilobytes(text, "RssAnon");
  const fileBytes = kilobytes(text, "RssFile");
  const sharedBytes = kilobytes(text, "RssShmem");
  const peak = kilobytes(text, "VmHWM");
  if (
    anonymousBytes === undefined || fileBytes === undefined || sharedBytes === undefined ||
    peak === undefined
  ) return undefined;
  const residentBytes = anonymousBytes + fileBytes + sharedBytes;
  return {
    anonymousBytes,
    fileBytes,
    sharedBytes,
    residentBytes,
    // The kernel updates the high mark lazily, so it can be behind what is resident now.
    peakResidentBytes: Math.max(peak, residentBytes),
    swappedBytes: kilobytes(text, "VmSwap") ?? 0,
  };
}

/**
 * What a process holds now. Reading costs well under a millisecond, so it can be asked every second.
 *
 * Throws `process-unreadable` (kind `engine`) where there is no such process, it has ended, or it
 * may not be looked at.
 */
export function readProcessMemory(
  processId: ProcessId = "self",
  files: MachineFiles = machineFilesBelow("/"),
): ProcessMemory {
  const path = `/proc/${processId}/status`;
  const reading = files.read(path);
  if (reading.kind === "unreadable") throw unreadable(processId, reading.reason);
  const memory = reading.kind === "text" ? parseProcessMemory(reading.text) : undefined;
  if (memory === undefined) {
    throw unreadable(processId, "there is no such process, or it has ended");
  }
  return memory;
}

/**
 * The proportional set size of a process. The kernel walks all its pages for it (milliseconds for
 * each GB), so ask when measuring, not when watching.
 *
 * Nothing where the kernel doesn't tell (before Linux 4.14, or another user's process).
 */
export function readProportionalMemory(
  processId: ProcessId = "self",
  files: MachineFiles = machineFilesBelow("/"),
): ProportionalMemory | undefined {
  const reading = files.read(`/proc/${processId}/smaps_rollup`);
  if (reading.kind !== "text") return undefined;
  const bytes = kilobytes(reading.text, "Pss");
  if (bytes === undefined) return undefined;
  const anonymousBytes = kilobytes(reading.text, "Pss_Anon") ??
    kilobytes(reading.text, "Anonymous") ?? 0;
  return {
    bytes,
    anonymousBytes,
    fileBytes: kilobytes(reading.text, "Pss_File") ?? Math.max(0, bytes - anonymousBytes),
  };
}

/**
 * Memory of no file that the processes hold which this one has started, in bytes. 0 where the
 * kernel doesn't tell who they are (CONFIG_PROC_CHILDREN).
 */
export function readChildrenAnonymousBytes(files: MachineFiles = machineFilesBelow("/")): number {
  let bytes = 0;
  // Each thread has the children that it started itself.
  for (const thread of files.subfolders("/proc/self/task")) {
    const reading = files.read(`/proc/self/task/${thread}/children`);
    if (reading.kind !== "text") continue;
    for (const child of reading.text.split(" ").filter((id) => id !== "")) {
      const status = files.read(`/proc/${child}/status`);
      if (status.kind !== "text") continue;
      bytes += parseProcessMemory(status.text)?.anonymousBytes ?? 0;
    }
  }
  return bytes;
}

function kilobytes(text: string, field: string): number | undefined {
  const digits = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits) * 1024;
}

function unreadable(processId: ProcessId, reason: string): BrainjarError {
  return new BrainjarError(
    "process-unreadable",
    `The memory of process '${processId}' can't be read: ${reason}`,
    { kind: "engine", hint: "Check that the process still runs and belongs to you" },
  );
}
