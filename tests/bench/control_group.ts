import { PROMPT_STEP } from "../../src/footprint/prompt_steps.ts";
import { findControlGroups } from "../../src/machine/control_groups/control_groups.ts";
import { machineFilesBelow } from "../../src/machine/machine_files.ts";
import type { WorkerLine, WorkerTask } from "./jars_worker.ts";

/** Where groups with a memory limit can be made. */
export interface Place {
  readonly version: 1 | 2;
  readonly folder: string;
}

/** How a worker in a group fared. */
export interface Outcome {
  readonly survived: boolean;
  /** Killed by the kernel. */
  readonly killed: boolean;
  /** Ended for running longer than anyone waits: alive, but it reads its weights all the time. */
  readonly late: boolean;
  readonly lines: readonly WorkerLine[];
  /** Highest anonymous memory that was seen, in bytes. */
  readonly anonymousPeak: number;
  /** Highest of anonymous memory and mapped pages together. */
  readonly peak: number;
  readonly error: string;
}

const LIMITS = { 1: "memory.limit_in_bytes", 2: "memory.max" } as const;

/**
 * Longest that a worker may take, in milliseconds: a minute, and as long as a slow disk needs to
 * read the whole model again for every step and token.
 */
async function patienceFor({ model, jars, promptTokens, maxTokens }: WorkerTask) {
  const { size } = await Deno.stat(model);
  const passes = jars * (promptTokens / PROMPT_STEP + maxTokens);
  return 60_000 + passes * size / SLOW_DISK * 1000;
}

/** Bytes a second. */
const SLOW_DISK = 150e6;

/** Milliseconds between two looks at a worker's memory. */
const LOOK_EVERY = 4;

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const WORKER = new URL("./jars_worker.ts", import.meta.url).pathname;

/** A place for groups, or why there is none. */
export function findPlace(): Place | string {
  if (Deno.build.os !== "linux") return "control groups are Linux's";
  if (Deno.uid() !== 0) return "making a control group needs root";
  for (const group of findControlGroups(machineFilesBelow("/"), "self").groups) {
    const folder = `${group.folder}/brainjar-bench-${Deno.pid}`;
    try {
      Deno.mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      Deno.statSync(`${folder}/${LIMITS[group.version]}`);
      return { version: group.version, folder };
    } catch {
      Deno.removeSync(folder);
    }
  }
  return "no group with a memory controller can be made here";
}

/** Writes what a kernel may lack a file for. */
function writeIfThere(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch {
    // No swap accounting: then there is no swap in the group's figures either.
  }
}

/** Sets a group's limit, without swap; nothing for no limit. */
export function setLimit({ version, folder }: Place, bytes: number | undefined): void {
  const text = String(bytes === undefined ? version === 1 ? -1 : "max" : Math.floor(bytes));
  if (version === 1) {
    // The limit with swap may never be under the one without.
    writeIfThere(`${folder}/memory.memsw.limit_in_bytes`, "-1");
    writeIfThere(`${folder}/memory.swappiness`, "0");
    Deno.writeTextFileSync(`${folder}/${LIMITS[1]}`, text);
    if (bytes !== undefined) writeIfThere(`${folder}/memory.memsw.limit_in_bytes`, text);
  } else {
    writeIfThere(`${folder}/memory.swap.max`, "0");
    Deno.writeTextFileSync(`${folder}/${LIMITS[2]}`, text);
  }
}

/** Makes the kernel forget a file's pages, so that whoever reads them is charged for them. */
export async function forgetPages(path: string): Promise<void> {
  await new Deno.Command("dd", {
    args: [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"],
    stdin: "null",
  }).output();
}

function memoryOf(processId: number): readonly [anonymous: number, file: number] | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${processId}/status`);
    const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) * 1024;
    const figures = [read("RssAnon"), read("RssFile")] as const;
    return figures.every(Number.isFinite) ? figures : undefined;
  } catch {
    return undefined;
  }
}

/** Deno with these arguments in a group, whose folder is named; `before` is what starts it there. */
export function denoInGroup(
  folder: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args">,
  before = "",
): Deno.Command {
  const script = `echo $$ > "${folder}/cgroup.procs"; exec ${before} "$0" "$@"`;
  return new Deno.Command("/bin/sh", {
    ...options,
    args: ["-c", script, Deno.execPath(), ...args],
  });
}

/** Has a worker do its task in a group of its own with this limit, or with none. */
export async function runInside(
  place: Place,
  task: WorkerTask,
  limitBytes: number | undefined,
): Promise<Outcome> {
  await forgetPages(task.model);
  const folder = `${place.folder}/run-${crypto.randomUUID()}`;
  Deno.mkdirSync(folder);
  const group = { ...place, folder };
  try {
    setLimit(group, limitBytes);
    const args = ["run", "-A", "--no-check", "--config", CONFIG, WORKER, JSON.stringify(task)];
    const child = denoInGroup(folder, args, { stdout: "piped", stderr: "piped" }).spawn();
    return await watch(child, await patienceFor(task));
  } finally {
    await removeGroup(folder);
  }
}

async function watch(child: Deno.ChildProcess, milliseconds: number): Promise<Outcome> {
  let late = false;
  let anonymousPeak = 0;
  let peak = 0;
  const patience = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, milliseconds);
  const looking = setInterval(() => {
    const memory = memoryOf(child.pid);
    if (memory === undefined) return;
    anonymousPeak = Math.max(anonymousPeak, memory[0]);
    peak = Math.max(peak, memory[0] + memory[1]);
  }, LOOK_EVERY);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(patience);
  clearInterval(looking);
  const lines = new TextDecoder().decode(stdout).split("\n").flatMap((line): WorkerLine[] => {
    try {
      return [JSON.parse(line) as WorkerLine];
    } catch {
      return [];
    }
  });
  for (const line of lines) {
    anonymousPeak = Math.max(anonymousPeak, line.anonymousBytes);
  }
  const survived = code === 0 && lines.at(-1)?.phase === "end";
  return {
    survived,
    late,
    killed: !late && (signal === "SIGKILL" || code === 137),
    lines,
    anonymousPeak,
    peak,
    error: survived ? "" : new TextDecoder().decode(stderr).slice(0, 400),
  };
}

function endProcesses(folder: string): void {
  try {
    for (const line of Deno.readTextFileSync(`${folder}/cgroup.procs`).split("\n")) {
      if (Number(line) > 0) Deno.kill(Number(line), "SIGKILL");
    }
  } catch {
    // The group or the process is gone already.
  }
}

/**
 * Ends what is left in a group and removes it, which the kernel allows once its last process is
 * gone. Left over is the process that node-llama-cpp forks to try its library in, where its parent
 * was killed meanwhile: it would stay for good.
 */
export async function removeGroup(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    endProcesses(folder);
    try {
      Deno.removeSync(folder);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
