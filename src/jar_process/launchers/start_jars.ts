import { delimiter, join } from "node:path";
import process from "node:process";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import { defined } from "../../budget/defined.ts";
import type { Criterion, InstanceDemand } from "../../budget/demand.ts";
import type { ProgramStart } from "../../engine/dry_load_process.ts";
import type { JarConfig } from "../../experiment/config.ts";
import type { PlaceOf } from "../../experiment/jar/place.ts";
import { leastImportantFirst } from "../../experiment/roles.ts";
import type { CpuFeatures } from "../../llama_cpp/options.ts";
import { watchKernelKills } from "../../machine/control_groups/kernel_kills.ts";
import { machineFilesBelow } from "../../machine/machine_files.ts";
import type { JarChild } from "../jar_link.ts";
import { whereabouts } from "../scheduler_job.ts";
import { SeparateProcess } from "../separate_process.ts";
import type { HearWait } from "../watch_start.ts";
import { askedOf, JAR_ENVIRONMENT, launcherName, limitOf, startsHere } from "./asked_of.ts";
import { askScheduler } from "./ask_scheduler.ts";
import { fillLine, fillTemplate, type LaunchRequest } from "./fill_template.ts";
import type { Launcher } from "./launcher.ts";
import { offersWords } from "./offers.ts";
import { type LauncherChoice, LINE_START_SECONDS } from "./read_launcher.ts";

/** How jars are started that don't live in the run's process. */
export interface StartOptions {
  /** Jars by id; those that aren't there live in this process. */
  readonly choices: ReadonlyMap<string, LauncherChoice>;
  /** What starts this very program as a jar; absent where the system doesn't tell. */
  readonly own: ProgramStart | undefined;
  readonly version: string;
  readonly jars: readonly Pick<InstanceDemand, "id" | "role">[];
  /** The processor that they were planned for. */
  readonly cpu: CpuFeatures;
  /** How long a start may take until the jar says hello, where it isn't what its launcher says. */
  readonly startSeconds?: number;
  /** Hears how long a start takes. */
  readonly hearWait?: HearWait;
}

/** Between a jar's death for the machine's memory and that of one that is more important. */
const PATIENCE_MILLISECONDS = 2_000;

/**
 * Throws where what is to start jars isn't there, before anything starts.
 *
 * @throws {BrainjarError} `launcher-missing`, `own-command-unknown`
 */
export function checkLaunchers(
  { choices, own }: Pick<StartOptions, "choices" | "own">,
  path: string = Deno.env.get("PATH") ?? "",
): void {
  for (const [id, choice] of choices) {
    if (needsOwn(choice) && own === undefined) {
      throw new BrainjarError(
        "own-command-unknown",
        `The system doesn't tell how this program was started, so it can't be started for '${id}'`,
        { hint: 'Write what starts it: --launcher "brainjar jar"' },
      );
    }
    const program = programOf(choice);
    if (program === undefined || isOnPath(program, path)) continue;
    throw new BrainjarError(
      "launcher-missing",
      `Launcher ${
        launcherName(choice)
      } of '${id}' isn't installed: no program "${program}" that may be run`,
      { hint: "Install it, put it on PATH, or take another --launcher" },
    );
  }
}

function needsOwn(choice: LauncherChoice): boolean {
  return choice.kind === "known"
    ? choice.command === undefined && choice.launcher.program === "own"
    : choice.line.includes("{command}");
}

/** Words of a shell's line that are no programs. */
const SHELL_WORDS: ReadonlySet<string> = new Set(
  ". case cd command eval exec export for if set test trap ulimit umask until while".split(" "),
);

/** The program that is run; nothing where that can't be told, or it is this one. */
function programOf(choice: LauncherChoice): string | undefined {
  const first = choice.kind === "known"
    ? choice.launcher.template[0]
    : choice.line.trim().split(/[\s;]/)[0];
  if (first === undefined || !/^[\w./+-]+$/.test(first)) return undefined;
  return choice.kind === "line" && SHELL_WORDS.has(first) ? undefined : first;
}

function isOnPath(program: string, path: string): boolean {
  const names = Deno.build.os === "windows" ? [program, `${program}.exe`] : [program];
  const places = program.includes("/")
    ? [program]
    : path.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return places.some((place) => {
    try {
      const { isFile, mode } = Deno.statSync(place);
      return isFile && (mode === null || (mode & 0o111) !== 0);
    } catch {
      return false;
    }
  });
}

/** Where each jar lives that is to be started. */
export function placesOf(
  { choices, own, version, jars, cpu, startSeconds, hearWait }: StartOptions,
): PlaceOf {
  const here = whereabouts((name) => Deno.env.get(name), Deno.hostname);
  const order = leastImportantFirst(jars.filter(({ id }) => choices.has(id)));
  return (config, run, jar) => {
    const { id } = config.demand;
    const choice = choices.get(id);
    if (choice === undefined) return undefined;
    const { criterion } = run.policy;
    const limitBytes = limitOf(choice, config.demand, criterion);
    const seconds = startSeconds ??
      (choice.kind === "known" ? choice.launcher.startSeconds : LINE_START_SECONDS);
    return new SeparateProcess(config, run, jar, {
      launch: (avoid) => launch(choice, config, { own, criterion, ...defined({ avoid }) }),
      launcher: launcherName(choice),
      startsHere: startsHere(choice),
      version,
      cpu,
      own: here,
      startMilliseconds: seconds * 1000,
      patienceMilliseconds: order.findIndex((one) => one.id === id) * PATIENCE_MILLISECONDS,
      ...defined({ limitBytes, hearWait }),
    });
  };
}

function launch(
  choice: LauncherChoice,
  { demand }: JarConfig,
  { own, criterion, avoid }: {
    readonly own: ProgramStart | undefined;
    readonly criterion: Criterion;
    readonly avoid?: string;
  },
): JarChild {
  const isOwn = needsOwn(choice);
  const written = choice.kind === "known" ? choice.command : undefined;
  const command = isOwn ? own?.words ?? [] : written?.split(/\s+/) ?? ["brainjar", "jar"];
  const request: LaunchRequest = {
    name: processName(demand.id),
    ...askedOf(choice, demand, criterion),
    command,
    ...defined({ commandLine: written }),
    operand: choice.kind === "known" ? choice.operand : "",
    words: choice.kind === "known" ? choice.words : [],
    isRoot: Deno.build.os !== "windows" && Deno.uid() === 0,
    ...defined({ avoid }),
  };
  const words = choice.kind === "known"
    ? fillTemplate(choice.launcher, request)
    : ["sh", "-c", fillLine(choice.line, request)];
  const child = spawn(words, isOwn ? own : undefined, choice);
  return choice.kind === "known" ? withScheduler(child, choice.launcher, request) : child;
}

/** A child whose scheduler is asked what it waits for, and told where it was cut off from it. */
function withScheduler(
  child: JarChild,
  { queue, remove, offers }: Launcher,
  request: LaunchRequest,
): JarChild {
  const ask = (template: readonly string[]) => {
    const command = fillTemplate({ template }, request);
    return askScheduler(offersWords({ command, choosing: offers?.choosing ?? [] }, request.words));
  };
  // A run that ends waits for it: who comes later can't tell which of them are nobody's.
  const removed = async () => {
    const status = await child.status;
    // kubectl answers a signal while its pod waits with an exit code of 1.
    if (status.signal !== null || status.code !== 0) await ask(remove ?? []).catch(() => {});
    return status;
  };
  return {
    ...child,
    ...remove !== undefined && { status: removed() },
    ...queue !== undefined && { askQueue: () => ask(queue) },
  };
}

function spawn(
  [program = "", ...args]: readonly string[],
  own: ProgramStart | undefined,
  choice: LauncherChoice,
): JarChild {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      env: { ...JAR_ENVIRONMENT, ...own?.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A Ctrl-C at the run's terminal is the run's: it ends its jars in their order.
      detached: Deno.build.os !== "windows",
      ...defined({ cwd: own?.folder }),
    }).spawn();
  } catch (error) {
    throw new BrainjarError(
      "launcher-missing",
      `Launcher ${launcherName(choice)} can't be started: ${lineOf(error)}`,
      { kind: "engine", hint: "Check that it is installed and may be run", cause: error },
    );
  }
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    status: child.status,
    kill: (signal) => {
      // A shell doesn't pass on what ends it, and what it started would outlive the run.
      if (choice.kind === "line" && signalGroup(child.pid, signal)) return;
      try {
        child.kill(signal);
      } catch {
        // It has ended.
      }
    },
    leftOthers: () => signalGroup(child.pid, 0),
    killOthers: () => void signalGroup(child.pid, "SIGKILL"),
    wasKilledForMemory: kernelKillsOf(choice, child.pid),
  };
}

/** Where a jar's memory isn't this machine's, what its kernel does says nothing. */
function kernelKillsOf(choice: LauncherChoice, processId: number): () => boolean {
  const files = machineFilesBelow("/");
  // A line of one's own may start it here, through as many shells as it likes.
  if (choice.kind === "line") return watchKernelKills(files);
  if (!startsHere(choice)) return () => false;
  // What asks for a container isn't in it.
  return watchKernelKills(files, choice.launcher.program === "own" ? processId : undefined);
}

/** Signals all that is left of a session that a process began; whether there is anything. */
function signalGroup(leader: number, signal: 0 | "SIGTERM" | "SIGKILL"): boolean {
  if (Deno.build.os === "windows") return false;
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}

/** A name that every launcher takes, another for each start. */
function processName(id: string): string {
  const word = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  const number = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `brainjar-${word.slice(0, 32)}-${number.toString(36)}`;
}
