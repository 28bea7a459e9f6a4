import type { Slurm } from "../../fixtures/slurm/start_slurm.ts";
import type { JarAnswer, JarRequest } from "../../src/report/schema/jar.ts";
import { brainjarArguments, ROOT } from "../e2e/program.ts";
import type { Sized } from "./slurm_models.ts";

const MIB = 1024 ** 2;

/** Each life's context is filled. */
const LIVES = 2;

/** How a jar in a job fared. */
export type Outcome = "lived" | "killed" | "refused" | "died";

/** The request that says what the jar is. */
export type Load = Extract<JarRequest, { readonly ask: "load" }>;

/** The load request that a run sends, read on its way to the jar. */
export async function loadOf(
  slurm: Slurm,
  path: string,
  { contextSize, mmap }: Sized,
): Promise<Load> {
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

/**
 * Has a jar live in a job with a limit of so many MiB, its context filled in two lives. Its own layers
 * are told that `told` bytes were asked for: the limit, where the kernel alone is to decide.
 */
export async function live(
  slurm: Slurm,
  load: Load,
  mib: number,
  told = mib * MIB,
): Promise<Outcome> {
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
