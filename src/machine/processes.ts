import { hasMachineFiles, type MachineFiles, machineFilesBelow, textOf } from "./machine_files.ts";
import { parseProcessMemory } from "./process_memory.ts";

/** Whether a process runs, and since when, in a form that only compares equal for the same start. */
export type ProcessState =
  | { readonly kind: "running"; readonly startTime: string }
  | { readonly kind: "gone" }
  /** There may be one, but it can't be looked at. */
  | { readonly kind: "unknown" };

/** What the ledger asks of the processes of a machine. */
export interface Processes {
  readonly ownId: number;
  /** Changes with every boot; empty where the system doesn't tell. */
  readonly bootId: string;
  /** Process ids mean something only among processes of one such namespace. */
  readonly namespace: string;
  /** Milliseconds since boot, sleep included: a clock that nobody sets. */
  now(): number;
  lookUp(processId: number): ProcessState;
  /** Memory of no file that a process holds now, in bytes; nothing where it can't be known. */
  anonymousBytes(processId: number): number | undefined;
}

/** The processes of this machine. */
export function machineProcesses(): Processes {
  return hasMachineFiles("/") ? linuxProcesses(machineFilesBelow("/"), Deno.pid) : otherProcesses();
}

/**
 * Processes as Linux's /proc shows them. A start time is field 22 of /proc/PID/stat, in clock ticks
 * since boot, so a process id that was used again is seen. One that has ended and was not collected
 * yet holds no memory and counts as gone.
 */
export function linuxProcesses(files: MachineFiles, ownId: number): Processes {
  return {
    ownId,
    bootId: textOf(files, "/proc/sys/kernel/random/boot_id")?.trim() ?? "",
    namespace: files.readLink("/proc/self/ns/pid") ?? "",
    now: () => {
      const seconds = /^\d+(\.\d+)?/.exec(textOf(files, "/proc/uptime") ?? "")?.[0];
      return Math.round(1000 * Number(seconds ?? Deno.osUptime()));
    },
    lookUp: (processId) => {
      const reading = files.read(`/proc/${processId}/stat`);
      if (reading.kind === "absent") return { kind: "gone" };
      if (reading.kind === "unreadable") {
        // A process that ends between opening its file and reading it answers "no such process".
        return /os error 3\b/.test(reading.reason) ? { kind: "gone" } : { kind: "unknown" };
      }
      return parseProcessState(reading.text);
    },
    anonymousBytes: (processId) => {
      const memory = parseProcessMemory(textOf(files, `/proc/${processId}/status`) ?? "");
      // Shared memory isn't counted: a model on a RAM disk was there before its jar was reserved.
      return memory?.anonymousBytes;
    },
  };
}

/** Parses /proc/PID/stat. The name in parentheses may hold anything, parentheses too. */
export function parseProcessState(text: string): ProcessState {
  const fields = text.slice(text.lastIndexOf(")") + 2).trim().split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined || !/^\d+$/.test(startTime)) {
    return { kind: "unknown" };
  }
  return /^[ZXx]$/.test(state) ? { kind: "gone" } : { kind: "running", startTime };
}

/** Signal 1 in the masks of /proc/PID/status. */
const HANGUP = 1;

/**
 * Whether this process was started with SIGHUP ignored, as `nohup` does: then it is meant to outlive
 * its terminal. False where the system doesn't tell.
 */
export function hangupIsIgnored(files: MachineFiles = machineFilesBelow("/")): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(textOf(files, "/proc/self/status") ?? "")?.[1];
  return mask !== undefined && (Number.parseInt(mask.slice(-1), 16) & HANGUP) !== 0;
}

/** Elsewhere a process can only be asked whether it runs: no start times, and no boot id. */
function otherProcesses(): Processes {
  return {
    ownId: Deno.pid,
    bootId: "",
    namespace: "",
    now: () => Math.round(1000 * Deno.osUptime()),
    lookUp: (processId) => {
      try {
        // Node's global, which is made when it is touched: importing it takes longer than a check.
        // deno-lint-ignore no-process-global
        process.kill(processId, 0);
        return { kind: "running", startTime: "" };
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        return code === "ESRCH" ? { kind: "gone" } : { kind: "unknown" };
      }
    },
    anonymousBytes: (processId) => processId === Deno.pid ? Deno.memoryUsage().rss : undefined,
  };
}
