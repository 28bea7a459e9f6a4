import { randomFrom } from "../random_from.ts";
import { FollowedRun, sleep } from "./followed_run.ts";
import { isJar, jarsOf } from "./processes.ts";
import { brainjarCommand, ROOT } from "./program.ts";

/** A line of a run's. */
export type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Signals, and what a jar dies of whose process gets them. */
export const CAUSES = {
  SIGKILL: "killed",
  SIGABRT: "crashed",
  SIGSEGV: "crashed",
  SIGTERM: "terminated",
  SIGSTOP: "silent",
} as const;

/** A signal that a jar's process is ended with. */
export type KillSignal = keyof typeof CAUSES;

/**
 * When a process is ended: in its jar's first admission, or while it comes back, some time after its
 * start; while it thinks, its prompt's evaluation included; when its context is full and it dies; at
 * any other moment.
 */
export const MOMENTS = ["admission", "return", "thinking", "dying", "any"] as const;

export type Moment = typeof MOMENTS[number];

/** What is done to a run. */
export interface KillPlan {
  readonly seed: number;
  readonly kills: readonly { readonly signal: KillSignal; readonly moment: Moment }[];
}

/** What became of one kill. */
export interface Kill {
  readonly signal: KillSignal;
  readonly moment: Moment;
  readonly id: string;
  /** The death that tells of it. */
  readonly told: Line;
  /** From the kill to the line that tells that the jar lives again. */
  readonly milliseconds: number;
}

/** What a run that was killed about in left behind. */
export interface KilledRun {
  readonly kills: readonly Kill[];
  readonly code: number;
  /** What it said, memory and text left out, and what its transcript says. */
  readonly events: readonly Line[];
  readonly transcript: readonly Line[];
  readonly reservations: unknown;
  /** Processes that it started and left behind. */
  readonly left: readonly number[];
  readonly stderr: string;
}

const JARS = ["subject", "observer", "god"];

/** A start of a process takes about as long as this on a busy machine. */
const START_MILLISECONDS = 1_500;

const THOUGHT_MILLISECONDS = 150;

/** Runs three jars in processes, ends these as planned, and stops the run when all are back. */
export async function killJars({ seed, kills }: KillPlan): Promise<KilledRun> {
  const random = randomFrom(seed);
  const folder = await Deno.makeTempDir({ prefix: "brainjar-kills-" });
  await Deno.chmod(folder, 0o700);
  const log = `${folder}/log.jsonl`;
  const env = { BRAINJAR_LEDGER: `${folder}/ledger` };
  await Deno.mkdir(env.BRAINJAR_LEDGER, { mode: 0o700 });
  // Which process is whose is told by the model that it has mapped.
  const models = await Promise.all(JARS.map(async (id) => {
    await Deno.copyFile(`${ROOT}fixtures/demo-brain.gguf`, `${folder}/${id}.gguf`);
    return [`--model-${id}`, `${folder}/${id}.gguf`];
  }));
  try {
    const child = brainjarCommand([
      ...["run", "--mode", "matrix", "--seed", `${seed}`, "--max-tokens", "24", "--json"],
      ...["--context-size", "256", "--allocation-headroom", "0", "--load-headroom", "0"],
      ...[...models.flat(), "--launcher", "process", "--log", log],
    ], { env }).spawn();
    const stderr = new Response(child.stderr).text();
    const run = new KilledJars(child);
    const done: Kill[] = [];
    for (const { signal, moment } of kills) {
      done.push(await run.kill({ signal, moment, random }));
    }
    await run.until(() => run.events.some(({ event }) => event === "thought"));
    child.kill("SIGINT");
    const { code } = await child.status;
    await run.reading;
    const { stdout } = await brainjarCommand(["memory", "--json"], { env }).output();
    return {
      kills: done,
      code,
      events: run.events,
      transcript: (await Deno.readTextFile(log)).trimEnd().split("\n").map((line) =>
        JSON.parse(line)
      ),
      reservations: JSON.parse(new TextDecoder().decode(stdout)).promises,
      left: [...run.seen].filter(isJar),
      stderr: await stderr,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What isn't as it has to be after a run; each kill's death and resurrection were waited for. */
export function faultsOf(run: KilledRun): string[] {
  const { code, events, transcript, reservations, left, stderr } = run;
  const faults: string[] = [];
  const end = events.at(-1);
  if (end?.event !== "end" || end["reservedBytes"] !== 0) {
    faults.push(`end: ${JSON.stringify(end)}`);
  }
  if (code !== 130) faults.push(`exit code ${code}: ${stderr}`);
  if (left.length > 0) faults.push(`processes ${left.join(", ")} are left`);
  if (JSON.stringify(reservations) !== "[]") {
    faults.push(`reserved: ${JSON.stringify(reservations)}`);
  }
  const told = events.filter(({ event }) => event !== "warning").map(nameOf);
  const written = transcript.filter(({ event }) => event !== "start" && event !== "memory")
    .map(nameOf);
  const missing = told.findIndex((line, index) => written[index] !== line);
  if (missing >= 0 || told.length !== written.length) {
    faults.push(`line ${missing}: told ${told[missing]}, written ${written[missing]}`);
  }
  return faults;
}

function nameOf({ event, id, turn, text, cause }: Line): string {
  return JSON.stringify(event === "validation" ? event : [event, id, turn, text, cause]);
}

interface KillOptions {
  readonly signal: KillSignal;
  readonly moment: Moment;
  readonly random: () => number;
}

/** A run whose jars are ended. */
class KilledJars extends FollowedRun<Line> {
  /** All processes of jars that were seen. */
  readonly seen = new Set<number>();

  /** Ends a jar's process, and waits until the jar lives again. */
  async kill({ signal, moment, random }: KillOptions): Promise<Kill> {
    const process = await this.#victim({ signal, moment, random });
    const whose = jarOf(process);
    const from = this.events.length;
    const began = performance.now();
    await end(process, signal);
    const told = await this.until(
      () =>
        this.events.slice(from).find(({ event, id, cause }) =>
          event === "death" && cause === CAUSES[signal] && (whose === undefined || id === whose)
        ),
      from,
    );
    const id = String(told["id"]);
    const since = this.events.indexOf(told);
    await this.until(
      () =>
        this.events.slice(since).some((one) => one.event === "resurrection" && one["id"] === id),
      from,
    );
    return { signal, moment, id, told, milliseconds: performance.now() - began };
  }

  async #victim({ signal, moment, random }: KillOptions): Promise<number> {
    if (moment === "admission") {
      const process = await this.#unloaded();
      await sleep(random() * START_MILLISECONDS);
      return process;
    }
    const processes = await this.#allLive();
    const of = (id: string) => processes.get(id) ?? 0;
    const id = JARS[Math.floor(random() * JARS.length)] ?? "";
    switch (moment) {
      case "return": {
        // One kill more, so that it has to come back; the one that counts follows.
        await end(of(id), signal === "SIGSTOP" ? "SIGKILL" : signal);
        const process = await this.#unloaded();
        await sleep(random() * START_MILLISECONDS);
        return process;
      }
      case "dying": {
        const from = this.events.length;
        const full = await this.until(() =>
          this.events.slice(from).find((event) => event["stop"] === "context-full")
        );
        await sleep(random() * THOUGHT_MILLISECONDS / 4);
        return of(String(full["id"]));
      }
      case "thinking": {
        const from = this.events.length;
        const before = JARS[(JARS.indexOf(id) + 2) % 3];
        await this.until(() =>
          this.events.slice(from).some((one) => one.event === "thought" && one["id"] === before)
        );
        await sleep(random() * THOUGHT_MILLISECONDS);
        return of(id);
      }
      case "any":
        await sleep(random() * 2_000);
        return of(id);
    }
  }

  /** Which process is whose, once each has thought. */
  async #allLive(): Promise<ReadonlyMap<string, number>> {
    await this.until(() =>
      JARS.every((id) => this.events.some((one) => one["id"] === id && one.event === "thought"))
    );
    return await this.until(() => {
      const processes = new Map(this.#processes().map((one) => [jarOf(one) ?? "", one]));
      return JARS.every((id) => processes.has(id)) && processes;
    });
  }

  /** A new process of a jar, which has no model yet. */
  #unloaded(): Promise<number> {
    const known = new Set(this.seen);
    return this.until(() =>
      this.#processes().find((one) => !known.has(one) && jarOf(one) === undefined)
    );
  }

  #processes(): readonly number[] {
    const processes = jarsOf(this.child.pid);
    for (const one of processes) this.seen.add(one);
    return processes;
  }
}

/** Whose process it is: whose model it has mapped; nothing before that. */
function jarOf(process: number): string | undefined {
  try {
    return /\/(\w+)\.gguf$/m.exec(Deno.readTextFileSync(`/proc/${process}/maps`))?.[1];
  } catch {
    return undefined;
  }
}

/** The first SIGSEGV that isn't a fault of its own V8 takes for one of its own, and goes on. */
async function end(process: number, signal: KillSignal): Promise<void> {
  Deno.kill(process, signal);
  if (signal !== "SIGSEGV") return;
  await sleep(20);
  try {
    Deno.kill(process, signal);
  } catch {
    // The first was enough.
  }
}
