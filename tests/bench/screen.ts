/**
 * What the screen costs: of a processor at a readable pace, beside `--plain` at the same pace, and of
 * the time that thoughts take at full pace, alternating. In a terminal of tmux's (120 × 40).
 *
 * deno run -A tests/bench/screen.ts [--preset 60m-q8_0] [--model FILE] [--rounds 7] [--turns 6]
 */
import { parseArgs } from "@std/cli/parse-args";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { brainjarArguments, ROOT } from "../e2e/program.ts";
import { TmuxTerminal } from "../e2e/tmux.ts";
import { median } from "./median.ts";

const PERCENT_OF_CORE = 2;
const PERCENT_SLOWER = 3;
const SECONDS = 30;
/** Ticks of a second in /proc/PID/stat. */
const TICKS = 100;
/** What the shell says of a run that is over: its seconds in programs and in the system. */
const ENDED = /^ENDED after ([\d.]+) and ([\d.]+)$/m;

const flags = parseArgs([...Deno.args], {
  string: ["preset", "model", "rounds", "turns"],
  default: { preset: "60m-q8_0", rounds: "7", turns: "6" },
}) as { preset: string; model?: string; rounds: string; turns: string };

const folder = await Deno.makeTempDir({ prefix: "brainjar-bench-" });
try {
  await thoughts();
  await processor();
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Starts a run in a terminal, and does something beside it. */
async function withRun<Result>(
  args: readonly string[],
  work: (terminal: TmuxTerminal) => Promise<Result>,
): Promise<Result> {
  await using terminal = await TmuxTerminal.open(120, 40);
  if (terminal === undefined) throw new Error("tmux is not there");
  const words = [Deno.execPath(), ...brainjarArguments(["run", "--seed", "7", ...args])];
  const timed = `MALLOC_ARENA_MAX=1 ${words.join(" ")}`;
  await terminal.type(`cd ${ROOT}; TIMEFORMAT='ENDED after %U and %S'; clear; time ${timed}`);
  await terminal.press("Enter");
  return await work(terminal);
}

/** Seconds of a processor that a process has used. */
async function used(process: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${process}/stat`);
  const [user = 0, system = 0] = stat.replace(/^.*\) /, "").split(" ").slice(11, 13).map(Number);
  return (user + system) / TICKS;
}

async function sleep(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** The demo brain at the pace that a screen has unless told otherwise. */
async function processor(): Promise<void> {
  const share = (args: readonly string[]) =>
    withRun(["--pace", "200", ...args], async (terminal) => {
      await terminal.shows(/turn 2\D/);
      const process = await terminal.child();
      const before = await used(process);
      await sleep(SECONDS);
      return (await used(process) - before) / SECONDS * 100;
    });
  const [screen, plain] = [await share([]), await share(["--plain"])];
  console.log(
    `Of a processor at 200 words a minute: ${screen.toFixed(2)} % with the screen, ` +
      `${plain.toFixed(2)} % with --plain; the screen's own ${(screen - plain).toFixed(2)} % ` +
      `(at most ${PERCENT_OF_CORE} %)`,
  );
}

/** What a run took: from its first thought to its last, and of processors in all. */
interface Cost {
  readonly seconds: number;
  readonly used: number;
}

/** A model of some size at full pace: from the first thought's end to the last one's. */
async function thoughts(): Promise<void> {
  let model = flags.model;
  if (model === undefined) {
    const shape = PRESETS[flags.preset];
    if (shape === undefined) throw new Error(`Unknown preset: ${flags.preset}`);
    model = (await generateModel(shape, `${folder}/model.gguf`)).paths[0] ?? "";
  }
  let count = 0;
  const time = (args: readonly string[]) => {
    const log = `${folder}/${count++}.jsonl`;
    const run = ["--model", model, "--mode", "matrix", "--turns", flags.turns, "--pace", "full"]
      .concat(["--max-tokens", "32", "--log", log, ...args]);
    return withRun(run, async (terminal): Promise<Cost> => {
      let ended: RegExpExecArray | null;
      while (!(ended = ENDED.exec(await terminal.look()))) await sleep(1);
      const times = (await Deno.readTextFile(log)).trim().split("\n").map((line) =>
        JSON.parse(line)
      )
        .filter(({ event }) => event === "thought").map(({ time }) => Date.parse(time));
      return {
        seconds: ((times.at(-1) ?? NaN) - (times[0] ?? NaN)) / 1000,
        used: Number(ended[1]) + Number(ended[2]),
      };
    });
  };
  const rounds: { readonly screen: Cost; readonly plain: Cost }[] = [];
  for (let round = 0; round < Number(flags.rounds); round++) {
    // Whoever is first has the warmer or the colder machine: they take turns.
    const isFirst = round % 2 === 0;
    const first = await time(isFirst ? [] : ["--plain"]);
    const second = await time(isFirst ? ["--plain"] : []);
    const costs = isFirst ? { screen: first, plain: second } : { screen: second, plain: first };
    console.log(`  round ${round + 1}: ${JSON.stringify(costs)}`);
    rounds.push(costs);
  }
  const slower = (of: keyof Cost) =>
    ((median(rounds.map(({ screen, plain }) => screen[of] / plain[of])) - 1) * 100).toFixed(1);
  console.log(
    `Thoughts at full pace with the screen, the middle of ${rounds.length} rounds: ` +
      `${slower("seconds")} % slower (at most ${PERCENT_SLOWER} %), ` +
      `${slower("used")} % more of a processor from start to end`,
  );
}
