import { assert } from "@std/assert";
import type { Slurm } from "../../../fixtures/slurm/start_slurm.ts";
import type { SlurmNode } from "../../../fixtures/slurm/settings.ts";
import { startSlurm, whyNoSlurm } from "../../../fixtures/slurm/start_slurm.ts";
import type { RunEventJson } from "../../../src/report/schema/event.ts";
import { brainjarArguments, DEMO_BRAIN, ROOT } from "../program.ts";

/** An event of a run, as far as it is looked at. */
export type Line = RunEventJson;

/** One of an event's name. */
export type Of<Name extends Line["event"]> = Extract<Line, { readonly event: Name }>;

/** Three jars on the demo brain, started by Slurm. */
export const MATRIX: readonly string[] = [
  ...["run", "--mode", "matrix", "--seed", "11", "--max-tokens", "12", "--context-size", "256"],
  ...[...DEMO_BRAIN, "--allocation-headroom", "0", "--load-headroom", "0"],
  ...["--launcher", "slurm"],
];

/** One of them alone. */
export const SINGLE: readonly string[] = [...MATRIX, "--mode", "single"];

/** A machine of 600 MB and one of 300. */
export const TWO_NODES: readonly SlurmNode[] = [
  { name: "node1", memoryMib: 600 },
  { name: "node2", memoryMib: 300 },
];

const reason = whyNoSlurm();

/** A test with a Slurm of its own, which is skipped where there can be none. */
export function slurmTest(
  name: string,
  body: (slurm: Slurm) => Promise<void>,
  nodes: readonly SlurmNode[] = TWO_NODES,
): void {
  Deno.test({
    name: `slurm: ${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    ignore: reason !== undefined,
    fn: async () => {
      const slurm = await startSlurm(nodes);
      try {
        await body(slurm);
      } finally {
        await slurm.close();
      }
    },
  });
}

/** A run among a Slurm's machines, beside its controller. */
export class SlurmRun {
  readonly events: Line[] = [];
  /** What it printed that is no event: why it didn't begin. */
  rest = "";
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #read: Promise<void>;
  #heard = Promise.withResolvers<void>();
  #isOver = false;

  constructor(slurm: Slurm, args: readonly string[]) {
    this.#child = slurm.command([Deno.execPath(), ...brainjarArguments([...args, "--json"])], {
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Response(this.#child.stderr).text();
    this.#read = this.#listen();
  }

  /** Its process, as this machine calls it. */
  get processId(): number {
    const [first] = childrenOf(this.#child.pid);
    if (first === undefined) throw new Error("The run has ended");
    return first;
  }

  /** The processes that start its jars, which srun is two of each, as this machine calls them. */
  get launchers(): number[] {
    const sruns = childrenOf(this.processId);
    return [...sruns, ...sruns.flatMap(childrenOf)];
  }

  /** Waits for an event, however long that takes; throws where the run ends without it. */
  async until<Name extends Line["event"]>(
    name: Name,
    isIt: (event: Of<Name>) => boolean = () => true,
  ): Promise<Of<Name>> {
    const isOne = (event: Line): event is Of<Name> =>
      event.event === name && isIt(event as Of<Name>);
    for (;;) {
      const found = this.events.find(isOne);
      if (found !== undefined) return found;
      if (this.#isOver) {
        const told = this.events.map((event) => JSON.stringify(event).slice(0, 300)).join("\n");
        throw new Error(`The run ended without it: ${await this.#stderr}\n${told}`);
      }
      await this.#heard.promise;
    }
  }

  /** Its exit code and what it said, once it has ended. */
  async end(): Promise<{ readonly code: number; readonly stderr: string }> {
    await this.#read;
    const { code } = await this.#child.status;
    return { code, stderr: await this.#stderr };
  }

  async #listen(): Promise<void> {
    let rest = "";
    for await (const piece of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const event = JSON.parse(line);
        if ("event" in event) this.events.push(event);
        else this.rest += line;
      }
      this.#tell();
    }
    this.#isOver = true;
    this.#tell();
  }

  #tell(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** Processes that a process has started. */
function childrenOf(processId: number): number[] {
  return [...Deno.readDirSync(`/proc/${processId}/task`)].flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/${processId}/task/${name}/children`)
      .split(" ").filter((id) => id !== "").map(Number)
  );
}

/** Waits until it is so, however long that takes. */
export async function comesTrue(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Takes so much of a node, as somebody else's job does; answers that when it has it. */
export async function occupy(slurm: Slurm, node: string, memoryMib: number): Promise<string> {
  const words = ["--parsable", `--nodelist=${node}`, `--mem=${memoryMib}M`, "--output=/dev/null"];
  const job = (await slurm.ask("sbatch", ...words, "--wrap=sleep infinity")).trim();
  assert(/^\d+$/.test(job), job);
  await comesTrue(async () => await stateOf(slurm, job) === "RUNNING");
  return job;
}

/** What Slurm says of a job: `RUNNING`, `CANCELLED`… */
export async function stateOf(slurm: Slurm, job: string): Promise<string> {
  const text = await slurm.ask("scontrol", "--oneliner", "show", "job", job);
  return / JobState=(\w+)/.exec(text)?.[1] ?? text;
}

/** Jobs that wait or run, by name. */
export async function jobsOf(slurm: Slurm): Promise<string[]> {
  const text = await slurm.ask("squeue", "--noheader", "--format=%j");
  return text.split("\n").filter((name) => name !== "").toSorted();
}

/** Processes in a job's control group on a node, as this machine calls them. */
export async function processesOf(slurm: Slurm, node: string, job: string): Promise<number[]> {
  const group = await groupOf(slurm, node, job);
  try {
    const text = await Deno.readTextFile(`${group}/cgroup.procs`);
    return text.split("\n").filter((line) => line !== "").map(Number);
  } catch {
    return [];
  }
}

/** The control group of a job's task on a node. */
export async function groupOf(slurm: Slurm, node: string, job: string): Promise<string> {
  const root = (await Deno.readTextFile(`${slurm.folder}/group.memory`)).trim();
  return `${root}/slurm_${node}/uid_0/job_${job.replace("slurm:", "")}/step_0/task_0`;
}
