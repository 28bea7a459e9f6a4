import { messageOf } from "../budget/error.ts";

/** A process as /proc names it: a number, or `self` for the one that reads. */
export type ProcessId = number | "self";

/** Which machine and which process. */
export interface MachineOptions {
  /** Where the machine's files are: `/`, or a recorded tree. A tree is always read as Linux. */
  readonly root?: string;
  /** Whose control groups bound the memory; this process's own by default. */
  readonly processId?: ProcessId;
}

/** Whether the machine is read through its files: a recorded one, or this one if it is Linux. */
export function hasMachineFiles(root: string): boolean {
  return root !== "/" || Deno.build.os === "linux" || Deno.build.os === "android";
}

/** What came of reading one file: its text, nothing there, or there but unreadable. */
export type FileReading =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable"; readonly reason: string };

/**
 * The files that a probe may look at. Every probe takes one, so that recorded trees and injected
 * failures test it, and none reads the real /proc behind a test's back.
 */
export interface MachineFiles {
  /** Where `path` really lies, for messages and sources. */
  locate(path: string): string;
  /** A file's text; its first bytes where `mostBytes` says how many are enough. */
  read(path: string, mostBytes?: number): FileReading;
  isFolder(path: string): boolean;
  /** Whether there is anything, a device's node too. */
  exists(path: string): boolean;
  /** Names of the folders in `path`; none where it can't be listed. */
  subfolders(path: string): readonly string[];
  /** Names of all that is in `path`; none where it can't be listed. */
  names(path: string): readonly string[];
  /** What a symbolic link says; nothing where there is none. */
  readLink(path: string): string | undefined;
  /** What the kernel answers to sysinfo(2), in bytes; nothing where it can't be asked. */
  systemMemory(): SystemMemory | undefined;
}

/** The part of sysinfo(2) that is read, in bytes. */
type SystemMemory = Pick<Deno.SystemMemoryInfo, "total" | "free" | "swapTotal" | "swapFree">;

/**
 * The files below `root`: `/` is this machine, a folder of `fixtures/machines/` a recorded one.
 * Nothing is thrown; a failure is a reading that says so.
 */
export function machineFilesBelow(root: string): MachineFiles {
  const prefix = root.replace(/\/+$/, "");
  const locate = (path: string) => prefix + path;
  return {
    locate,
    read: (path, mostBytes) => readFile(locate(path), mostBytes),
    isFolder: (path) => orElse(() => Deno.statSync(locate(path)).isDirectory, false),
    exists: (path) => orElse(() => Deno.statSync(locate(path)) !== undefined, false),
    subfolders: (path) =>
      orElse(() => [...Deno.readDirSync(locate(path))], [])
        .filter((entry) => entry.isDirectory)
        .map((entry) => entry.name),
    names: (path) =>
      orElse(() => [...Deno.readDirSync(locate(path))], []).map((entry) => entry.name),
    readLink: (path) => orElse(() => Deno.readLinkSync(locate(path)), undefined),
    // A recorded machine has no kernel that could be asked.
    systemMemory: () =>
      prefix === "" ? orElse(() => Deno.systemMemoryInfo(), undefined) : undefined,
  };
}

/** A file's text; nothing where it isn't there or can't be read. */
export function textOf(files: MachineFiles, path: string): string | undefined {
  const reading = files.read(path);
  return reading.kind === "text" ? reading.text : undefined;
}

function orElse<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function readFile(path: string, mostBytes?: number): FileReading {
  try {
    return {
      kind: "text",
      text: mostBytes === undefined ? Deno.readTextFileSync(path) : readStart(path, mostBytes),
    };
  } catch (error) {
    // ENOTDIR is what a lookup below a missing group gives where a file took the folder's place.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { kind: "absent" };
    }
    return { kind: "unreadable", reason: reasonOf(error) };
  }
}

function readStart(path: string, mostBytes: number): string {
  using file = Deno.openSync(path);
  const start = new Uint8Array(mostBytes);
  return new TextDecoder().decode(start.subarray(0, file.readSync(start) ?? 0));
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno guards it with --allow-all, which this process was not given";
  }
  return messageOf(error);
}

/** Numbers beyond this are no processors or nodes, so that a lying tree can't keep us counting. */
const MOST = 9999;

/** The kernel's list format, `0-3,8`, as a set; nothing where it isn't one or lists none. */
export function parseKernelList(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const range of text.trim().split(",")) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Math.min(MOST, Number(match[2] ?? first));
    for (let one = first; one <= last; one += 1) numbers.add(one);
  }
  return numbers;
}
