/**
 * How long `check` takes as a whole process beside an empty program, turn by turn in one run, how
 * much memory it needs at most, and how long reading and estimating take in a fresh process and when
 * warm: on a header with a vocabulary of 262,144 tokens.
 *
 * Usage: deno run -A tests/bench/startup.ts [FILE] [RUNS]
 */
import { brainjar } from "../../src/cli/brainjar.ts";
import { resolveContext } from "../../src/cli/footprint_of.ts";
import { readContextSettings } from "../../src/cli/settings.ts";
import { readValues } from "../../src/cli/values.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PRESET = "gemma3-1b-q4_0-header";
const WARM_RUNS = 30;
const SETTLING_RUNS = 2;

interface InProcess {
  readonly fresh: number;
  readonly warm: number;
  /** Peak resident memory of a process that checks, in MB. */
  readonly peak: number;
}

function checkArguments(model: string): string[] {
  return ["check", "--mode", "matrix", "--model", model, "--quiet"];
}

/** What one process says of itself: the first reading, then a check, then readings when warm. */
async function measureHere(model: string): Promise<InProcess> {
  const cpu = await readCpuFeatures();
  const context = readContextSettings(
    readValues("check", { values: new Map(), perJar: new Map(), operands: [] }),
  );
  const timed = async () => {
    const start = performance.now();
    const header = await readHeader(model);
    estimateFootprint(header, resolveContext(header, context), cpu);
    return performance.now() - start;
  };
  const fresh = await timed();
  const nowhere = { answer() {}, say() {}, interactive: false, paint: (_: string, t: string) => t };
  await brainjar(checkArguments(model), nowhere);
  const status = Deno.readTextFileSync("/proc/self/status");
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024 / 1e6;
  const warm: number[] = [];
  for (let run = 0; run < WARM_RUNS; run++) warm.push(await timed());
  return { fresh, warm: median(warm), peak };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;
}

async function run(...args: string[]): Promise<{ milliseconds: number; said: string }> {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", ...args],
  }).output();
  const milliseconds = performance.now() - start;
  // A check that doesn't fit has worked, too.
  if (code > 1) throw new Error(new TextDecoder().decode(stderr));
  return { milliseconds, said: new TextDecoder().decode(stdout) };
}

async function measure(model: string, runs: number, folder: string): Promise<void> {
  const empty = `${folder}/empty.ts`;
  await Deno.writeTextFile(empty, "");
  const processes: readonly (readonly [name: string, args: string[], times: number[]])[] = [
    ["empty program", [empty], []],
    ["brainjar --version", [`${ROOT}main.ts`, "--version"], []],
    ["brainjar check", [`${ROOT}main.ts`, ...checkArguments(model)], []],
  ];
  const own: InProcess[] = [];
  for (let turn = -SETTLING_RUNS; turn < runs; turn++) {
    for (const [, args, times] of processes) {
      const { milliseconds } = await run(...args);
      if (turn >= 0) times.push(milliseconds);
    }
    const { said } = await run(new URL(import.meta.url).pathname, "--here", model);
    if (turn >= 0) own.push(JSON.parse(said));
  }
  const base = processes[0]?.[2] ?? [];
  for (const [name, , times] of processes) {
    show(name, times, "ms");
    if (times === base) continue;
    const ratios = [median(times) / median(base), Math.min(...times) / Math.min(...base)];
    console.log(`  × empty program: ${ratios.map((ratio) => ratio.toFixed(2)).join(", least ")}`);
  }
  show("peak memory of a check", own.map(({ peak }) => peak), "MB");
  show("read + estimate, fresh", own.map(({ fresh }) => fresh), "ms");
  show("read + estimate, warm", own.map(({ warm }) => warm), "ms");
}

function show(name: string, numbers: readonly number[], unit: string): void {
  const [middle, least] = [median(numbers), Math.min(...numbers)].map((one) => one.toFixed(1));
  console.log(`${name.padEnd(24)} median ${middle} ${unit}, least ${least}`);
}

async function main(): Promise<void> {
  const [first, second] = Deno.args;
  if (first === "--here" && second !== undefined) {
    return console.log(JSON.stringify(await measureHere(second)));
  }
  const folder = await Deno.makeTempDir({ prefix: "brainjar-bench-" });
  try {
    const model = first ?? `${folder}/large.gguf`;
    if (first === undefined) await run(`${ROOT}fixtures/main.ts`, PRESET, "--output", model);
    await measure(model, Number(second ?? 15), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
