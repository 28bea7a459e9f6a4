import type { BrainjarError } from "../budget/error.ts";
import type { Death, DeathCause } from "../experiment/jar/death_cause.ts";
import type { Bye } from "./inside/serve_jar.ts";

/** How a jar's process ended, as far as its launcher tells. */
export interface ProcessEnd {
  /** Of the launcher's command; absent where it was left behind. */
  readonly code?: number;
  readonly signal?: string | null;
  /** What it said on stderr at last. */
  readonly said: string;
  /** Its own last word; without one it is no good end, whatever the code is. */
  readonly bye?: Bye;
  /** What it said that is no answer. */
  readonly notUnderstood?: BrainjarError;
  /** What it closed, went on without, and was ended for. */
  readonly closed?: "stdin" | "stdout";
  /** For how long nothing was heard of it, where that ended it. */
  readonly silentMilliseconds?: number;
  /** Whether the kernel ended a process for memory about then, of its group or its machine. */
  readonly kernelKilled?: boolean;
}

/** What a launcher says on stderr of a process that ran out of memory. */
const OUT_OF_MEMORY =
  /out of memory|oom-kill|OOMKilled|exceeded memory limit|memory cgroup out of memory/i;

/** What V8 says where it can't reserve what it never fills: no start after it ends better. */
const NO_ADDRESS_SPACE = /out of memory: Oilpan: CagedHeap reservation/;

/** What schedulers say of what they ended themselves: Slurm's exit code for it may be 0. */
const SCHEDULERS: readonly (readonly [cause: DeathCause, words: RegExp])[] = [
  ["node-failed", /node failure|launch failed on node/i],
  ["out-of-memory", OUT_OF_MEMORY],
  ["preempted", /due to preemption/i],
  ["terminated", /\bcancelled at\b/i],
];

/** What a crash is, by signal, and as a shell or a scheduler tells it: 128 and the signal's number. */
const CRASHES: Readonly<Record<string, number>> = {
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGSEGV: 11,
};

const NUMBERS: Readonly<Record<string, number>> = {
  ...CRASHES,
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGTERM: 15,
};

/** Longer last words are cut. */
const WORDS_CHARACTERS = 200;

/**
 * What a jar died of whose process ended: a signal, its exit code, and what was said on stderr, told
 * apart as far as the launcher tells them apart. An exit code of 0 is no good end either: Slurm
 * answers it for a node that failed.
 *
 * @example
 * ```ts
 * import { deathBy } from "./process_end.ts";
 * if (deathBy({ signal: "SIGKILL", code: 137, said: "" }).cause !== "killed") throw new Error("-9");
 * const slurm = { code: 1, said: "srun: error: node1: task 0: Out Of Memory" };
 * if (deathBy(slurm).cause !== "out-of-memory") throw new Error("Its step's limit");
 * ```
 */
export function deathBy(end: ProcessEnd): Death {
  const { said, bye, notUnderstood, silentMilliseconds, closed, kernelKilled = false } = end;
  if (notUnderstood !== undefined) return { cause: "jar-protocol", detail: notUnderstood.message };
  if (silentMilliseconds !== undefined) {
    return { cause: "silent", detail: `for ${Math.round(silentMilliseconds / 1000)} s` };
  }
  if (closed !== undefined) {
    return { cause: "exited", detail: withWords(`it closed its ${closed}`, said) };
  }
  const signal = signalOf(end);
  if (NO_ADDRESS_SPACE.test(said)) {
    const why = "its address space is limited (ulimit -v): brainjar needs 49 GB of it to start";
    return { cause: "exited", detail: why };
  }
  const [ended, words] = SCHEDULERS.find(([, words]) => words.test(said)) ?? [];
  if (ended !== undefined && words !== undefined) {
    return { cause: ended, ...detail(lineAbout(said, words)) };
  }
  if (signal === "SIGKILL" && kernelKilled) {
    return { cause: "out-of-memory", ...detail(lastLine(said)) };
  }
  if (signal === "SIGTERM" || bye === "signal") {
    return { cause: "terminated", ...detail(lastLine(said)) };
  }
  if (bye === "silence") return { cause: "silent", detail: "it heard nothing from here" };
  if (signal === "SIGKILL") return { cause: "killed", ...detail(lastLine(said)) };
  if (signal !== undefined && signal in CRASHES) {
    return { cause: "crashed", detail: withWords(signal, said) };
  }
  const how = signal ?? (end.code === undefined ? "without a word" : `exit code ${end.code}`);
  return { cause: "exited", detail: withWords(how, said) };
}

function signalOf({ code = 0, signal }: ProcessEnd): string | undefined {
  if (signal !== undefined && signal !== null) return signal;
  return Object.keys(NUMBERS).find((name) => 128 + (NUMBERS[name] ?? 0) === code);
}

function detail(line: string): { readonly detail?: string } {
  return line === "" ? {} : { detail: line };
}

function withWords(how: string, said: string): string {
  const words = lastLine(said);
  return words === "" ? how : `${how}: ${words}`;
}

function lineAbout(said: string, what: RegExp): string {
  return cut(said.split("\n").find((line) => what.test(line)) ?? "");
}

/** Where a command that was typed wrongly says that more is read: what was wrong stands before it. */
const HELP = /^(usage:|(see|run|try|for more)\b.*(help\b|-h\b))/i;

function lastLine(said: string): string {
  const lines = said.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return cut(lines.findLast((line) => !HELP.test(line)) ?? "");
}

function cut(line: string): string {
  return [...line.trim()].slice(0, WORDS_CHARACTERS).join("");
}
