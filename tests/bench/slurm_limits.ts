/**
 * What limit a jar lives in as a job of a real Slurm, with its context filled by thoughts in two lives
 * one after the other: the limit that brainjar asks for, 5 % less than the floor, and the least that
 * it lives in, bisected to a MiB. The jar's own layers are told that each limit is the one that was asked
 * for, so that the kernel alone decides; what they do with less than was asked for is a column too.
 *
 *   deno run -A tests/bench/slurm_limits.ts [--times 10] [--only WORDS] [--folder FOLDER]
 *
 * FOLDER keeps the models from one call to the next.
 */
import { parseArgs } from "@std/cli/parse-args";
import { ensureModel, SIZED, type Sized } from "./slurm_models.ts";
import { type Slurm, startSlurm, whyNoSlurm } from "../../fixtures/slurm/start_slurm.ts";
import { limitOf } from "../../src/jar_process/launchers/start_jars.ts";
import { readLauncher } from "../../src/jar_process/launchers/read_launcher.ts";
import type { JarAnswer, JarRequest } from "../../src/report/schema/jar.ts";
import { brainjarArguments, ROOT } from "../e2e/program.ts";

const MIB = 1024 ** 2;

/** Each life's context is filled. */
const LIVES = 2;

/** What a trial's jar says how it went. */
type Outcome = "lived" | "killed" | "refused" | "died";

type Load = Extract<JarRequest, { readonly ask: "load" }>;

const { times, only = "", folder } = parseArgs(Deno.args, {
  string: ["only", "folder", "times"],
  default: { times: "10", folder: `${Deno.env.get("TMPDIR") ?? "/tmp"}/brainjar-slurm-models` },
});

const reason = whyNoSlurm();
if (reason !== undefined) {
  console.error(`No Slurm: ${reason}`);
  Deno.exit(1);
}

/** The load request that a run sends, read on its way to the jar. */
async function loadOf(slurm: Slurm, path: string, { contextSize, mmap }: Sized): Promise<Load> {
  const seen = `${slurm.folder}/requests`;
  const { stderr } = await slurm.command([
    Deno.execPath(),
    ...brainjarArguments([
      ...["run", "--mode", "single", "--model", path, "--turns", "1", "--max-tokens", "1"],
      ...["--context-size", String(contextSize), ...mmap ? [] : ["--no-mmap"]],
      ...["--allocation-headroom", "0", "--load-headroom", "0", "--criterion", "floor"],
      ...["--launcher", `tee ${seen} | {command}`],
    ]),
  ], { cwd: ROOT, stdout: "null", stderr: "piped" }).output();
  const lines = (await Deno.readTextFile(seen)).split("\n");
  const line = lines.find((one) => one.startsWith('{"ask":"load"'));
  if (line === undefined) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(line);
}

/** Has a jar live in a job with this limit. */
async function live(slurm: Slurm, load: Load, mib: number, told = mib * MIB): Promise<Outcome> {
  const child = slurm.command([
    ...["srun", "--ntasks=1", `--mem=${mib}M`, "--unbuffered", "--chdir=/"],
    ...[Deno.execPath(), ...brainjarArguments(["jar"])],
  ], {
    env: { MALLOC_ARENA_MAX: "1", GGML_NO_BACKTRACE: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  const ask = (request: JarRequest) =>
    writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`)).catch(() => {});
  const think = (turn: number) =>
    ask({
      ask: "think",
      prompt: { message: " the".repeat(200), label: "" },
      sampling: { maxTokens: 32, temperature: 0.8, topP: 0.95, seed: turn },
      turn,
    });
  let lives = 0;
  let outcome: Outcome = "killed";
  const hear = (answer: JarAnswer, turn: number) => {
    switch (answer.answer) {
      case "hello":
        return ask({ ...load, limitBytes: told });
      case "loaded":
        lives++;
        return think(turn);
      case "thought":
        return answer.stop === "context-full" ? ask({ ask: "die" }) : think(turn);
      case "died":
        if (lives < LIVES) return ask({ ask: "resurrect" });
        outcome = "lived";
        return ask({ ask: "end" });
      case "refused":
        outcome = "refused";
        return ask({ ask: "end" });
      case "dying":
      case "failed":
        outcome = "died";
        return ask({ ask: "end" });
    }
  };
  let rest = "";
  let turn = 0;
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) await hear(JSON.parse(line), ++turn);
  }
  await writer.close().catch(() => {});
  await child.status;
  if (outcome === "killed" && !/out of memory|oom-kill/i.test(await said)) {
    throw new Error(`It ended, but not for memory: ${await said}`);
  }
  return outcome;
}

/** How often each outcome came. */
async function count(one: () => Promise<Outcome>): Promise<string> {
  const outcomes: Outcome[] = [];
  for (let time = 0; time < Number(times); time++) outcomes.push(await one());
  const groups = Map.groupBy(outcomes, (outcome) => outcome);
  return [...groups].map(([outcome, all]) => `${outcome} ${all.length}`).join(", ");
}

/** The least limit, in MiB, that a jar lives in. */
async function least(slurm: Slurm, load: Load, enough: number): Promise<number> {
  let [low, high] = [Math.floor(enough / 2), enough];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await live(slurm, load, middle) === "lived") high = middle;
    else low = middle;
  }
  return high;
}

const slurm = await startSlurm([{ name: "node1", memoryMib: 4000 }]);
try {
  console.log(
    "| model | file | floor | asked | least that lives | asked: | floor - 5 %: | the same, as its layers see it: |",
  );
  for (const sized of SIZED.filter(({ name }) => name.includes(only))) {
    const path = await ensureModel(folder, sized);
    const load = await loadOf(slurm, path, sized);
    const choice = readLauncher("slurm");
    const { demand } = load;
    const asked = choice && limitOf(choice, demand, "floor");
    if (asked === undefined) throw new Error("Slurm holds jars to a limit");
    const floor = demand.footprint.floorBytes / MIB;
    const short = Math.floor(floor * 0.95);
    const cells = [
      `${sized.name}, ${sized.contextSize}${sized.mmap ? "" : ", no mmap"}`,
      Math.round((await Deno.stat(path)).size / MIB),
      floor.toFixed(1),
      asked / MIB,
      await least(slurm, load, asked / MIB),
      await count(() => live(slurm, load, asked / MIB)),
      `${short}: ${await count(() => live(slurm, load, short))}`,
      await count(() => live(slurm, load, short, asked)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  await slurm.close();
}
