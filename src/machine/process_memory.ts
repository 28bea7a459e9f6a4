import { BrainjarError } from "../budget/error.ts";
import { type MachineFiles, machineFilesBelow, type ProcessId, textOf } from "./machine_files.ts";
import { parseFields } from "./memory/meminfo.ts";

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
  /** The kernel's tables of its pages (VmPTE), which its control group is charged for; 0 where they aren't told. */
  readonly pageTableBytes: number;
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
 */
export function parseProcessMemory(text: string): ProcessMemory | undefined {
  const fields = parseFields(text);
  const anonymousBytes = fields.get("RssAnon");
  const fileBytes = fields.get("RssFile");
  const sharedBytes = fields.get("RssShmem");
  const peak = fields.get("VmHWM");
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
    pageTableBytes: fields.get("VmPTE") ?? 0,
    // The kernel updates the high mark lazily, so it can be behind what is resident now.
    peakResidentBytes: Math.max(peak, residentBytes),
    swappedBytes: fields.get("VmSwap") ?? 0,
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
 * What this process holds that nobody else can have: its anonymous memory, and the tables of its
 * pages, which its control group is charged for too. In bytes; throws as `readProcessMemory` does.
 */
export function readHeldBytes(): number {
  const { anonymousBytes, pageTableBytes } = readProcessMemory();
  return anonymousBytes + pageTableBytes;
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
  const fields = parseFields(textOf(files, `/proc/${processId}/smaps_rollup`) ?? "");
  const bytes = fields.get("Pss");
  if (bytes === undefined) return undefined;
  const anonymousBytes = fields.get("Pss_Anon") ?? fields.get("Anonymous") ?? 0;
  return {
    bytes,
    anonymousBytes,
    fileBytes: fields.get("Pss_File") ?? Math.max(0, bytes - anonymousBytes),
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
    const children = textOf(files, `/proc/self/task/${thread}/children`) ?? "";
    for (const child of children.split(" ").filter((id) => id !== "")) {
      const status = textOf(files, `/proc/${child}/status`) ?? "";
      bytes += parseProcessMemory(status)?.anonymousBytes ?? 0;
    }
  }
  return bytes;
}

function unreadable(processId: ProcessId, reason: string): BrainjarError {
  return new BrainjarError(
    "process-unreadable",
    `The memory of process '${processId}' can't be read: ${reason}`,
    { kind: "engine", hint: "Check that the process still runs and belongs to you" },
  );
}
