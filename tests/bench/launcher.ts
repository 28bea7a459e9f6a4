/**
 * What processes of their own cost: turns a second of a run whose jars are started by a launcher beside
 * the same run in one process, in turn. Both have the same seed, so they think the same; the time is
 * counted from the first turn's end to the last one's, so that loading is left out of it.
 *
 *   deno run -A tests/bench/launcher.ts [--launcher process] [--mode matrix] [--rounds 7] [--turns 150]
 *                                       [--model FILE] [--max-tokens 24]
 */
import { parseArgs } from "@std/cli/parse-args";
import { boundedLines } from "../../src/jar_process/lines.ts";
import { brainjarCommand, ROOT } from "../e2e/program.ts";
import { median } from "./median.ts";

const flags = parseArgs(Deno.args, {
  string: ["launcher", "mode", "rounds", "turns", "model", "max-tokens"],
  default: {
    launcher: "process",
    mode: "matrix",
    rounds: "7",
    turns: "150",
    model: `${ROOT}fixtures/demo-brain.gguf`,
    "max-tokens": "24",
  },
});

const turns = Number(flags.turns);
const ratios: number[] = [];
console.log("| round | in one process, turns/s | by the launcher | ratio |");
console.log("| --: | --: | --: | --: |");
for (let round = 1; round <= Number(flags.rounds); round++) {
  const ways = ["in-process", flags.launcher];
  // Whoever comes second may find the machine warmer, or busier.
  if (round % 2 === 0) ways.reverse();
  const speeds = new Map<string, number>();
  for (const launcher of ways) speeds.set(launcher, await turnsPerSecond(launcher, round));
  const here = speeds.get("in-process") ?? NaN;
  const apart = speeds.get(flags.launcher) ?? NaN;
  ratios.push(apart / here);
  console.log(
    `| ${[round, here.toFixed(1), apart.toFixed(1), (apart / here).toFixed(3)].join(" | ")} |`,
  );
}
console.log(
  `\nIn the middle ${median(ratios).toFixed(3)}, at least ${Math.min(...ratios).toFixed(3)}`,
);

async function turnsPerSecond(launcher: string, seed: number): Promise<number> {
  const child = brainjarCommand([
    ...["run", "--json", "--mode", flags.mode, "--model", flags.model, "--seed", `${seed}`],
    ...["--turns", flags.turns, "--max-tokens", flags["max-tokens"], "--launcher", launcher],
    ...["--allocation-headroom", "0", "--load-headroom", "0", "--no-share-weights"],
  ]).spawn();
  const said = new Response(child.stderr).text();
  let began = NaN;
  let ended = NaN;
  for await (const line of boundedLines(child.stdout)) {
    const { event, turn } = JSON.parse(line);
    if (event === "thought" && turn === 2 && Number.isNaN(began)) began = performance.now();
    if (event === "thought" && turn === turns) ended = performance.now();
  }
  const { code } = await child.status;
  if (code !== 0) throw new Error(await said);
  return (turns - 2) / (ended - began) * 1000;
}
