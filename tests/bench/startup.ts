/**
 * How long `check` takes as a whole process beside an empty program, turn by turn in one run, how
 * much memory it needs at most, and how long reading and estimating take in a fresh process and when
 * warm: on a header with a vocabulary of 262,144 tokens.
 *
 * With a built program, such as dist/brainjar-portable, its check is measured in the same turns.
 * Reading and estimating are measured twice: as Deno runs sources, and with every function in the
 * code cache, as the portable file has them.
 *
 * Usage: deno run -A tests/bench/startup.ts [FILE] [RUNS] [--program PROGRAM]
 */
import { parseArgs } from "@std/cli/parse-args";
import { brainjar } from "../../src/cli/brainjar.ts";
import { resolveContext } from "../../src/plan/footprint_of.ts";
import { readContextSettings } from "../../src/cli/settings/settings.ts";
import { readValues } from "../../src/cli/flags/values.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { median } from "./median.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PRESET = "gemma3-1b-q4_0-header";
const WARM_RUNS = 30;
const SETTLING_RUNS = 2;
const DENO_RUN = ["run", "-q", "-A"] as const;

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
    await estimateFootprint(header, await resolveContext(header, context), cpu);
    return performance.now() - start;
  };
  const fresh = await timed();
  const nowhere = {
    answer: () => true,
    say: () => {},
    interactive: false,
    answersTerminal: false,
    canDraw: false,
    answerParagraphs: () => Promise.resolve(true),
    answerLater: () => Promise.resolve(true),
    paint: (_: string, text: string) => text,
  };
  await brainjar(checkArguments(model), nowhere);
  const status = Deno.readTextFileSync("/proc/self/status");
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024 / 1e6;
  const warm: number[] = [];
  for (let run = 0; run < WARM_RUNS; run++) warm.push(await timed());
  return { fresh, warm: median(warm), peak };
}

async function run(
  command: string,
  ...args: string[]
): Promise<{ milliseconds: number; said: string }> {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const milliseconds = performance.now() - start;
  // A check that doesn't fit has worked, too.
  if (code > 1) throw new Error(new TextDecoder().decode(stderr));
  return { milliseconds, said: new TextDecoder().decode(stdout) };
}

/** Where functions are compiled when they are first called, and where the cache has them all. */
const CODE_CACHES = { "as sources": [], "all in the cache": ["--v8-flags=--no-lazy"] } as const;

interface Bench {
  readonly model: string;
  readonly runs: number;
  readonly folder: string;
  /** A built brainjar. */
  readonly program: string | undefined;
}

async function measure({ model, runs, folder, program }: Bench): Promise<void> {
  const empty = `${folder}/empty.ts`;
  await Deno.writeTextFile(empty, "");
  const sources = [Deno.execPath(), ...DENO_RUN, `${ROOT}main.ts`];
  const processes: [name: string, words: string[], times: number[]][] = [
    ["empty program", [Deno.execPath(), ...DENO_RUN, empty], []],
    ["brainjar --version", [...sources, "--version"], []],
    ["brainjar check", [...sources, ...checkArguments(model)], []],
  ];
  if (program !== undefined) {
    processes.push(["the program's check", [program, ...checkArguments(model)], []]);
  }
  const caches = Object.entries(CODE_CACHES).map(([name, flags]) => ({
    name,
    flags,
    measured: new Array<InProcess>(),
  }));
  for (let turn = -SETTLING_RUNS; turn < runs; turn++) {
    for (const [, [command = "", ...args], times] of processes) {
      const { milliseconds } = await run(command, ...args);
      if (turn >= 0) times.push(milliseconds);
    }
  }
  // A code cache holds for one set of flags: taken in turn they would throw each other's out.
  for (const { flags, measured } of caches) {
    for (let turn = -SETTLING_RUNS; turn < runs; turn++) {
      const words = [...DENO_RUN, ...flags, new URL(import.meta.url).pathname, "--here", model];
      const { said } = await run(Deno.execPath(), ...words);
      if (turn >= 0) measured.push(JSON.parse(said));
    }
  }
  const base = processes[0]?.[2] ?? [];
  for (const [name, , times] of processes) {
    show(name, times, "ms");
    if (times === base) continue;
    const ratios = [median(times) / median(base), Math.min(...times) / Math.min(...base)];
    console.log(`  × empty program: ${ratios.map((ratio) => ratio.toFixed(2)).join(", least ")}`);
  }
  for (const { name, measured } of caches) {
    show(`peak memory of a check, ${name}`, measured.map(({ peak }) => peak), "MB");
    show(`read + estimate, fresh, ${name}`, measured.map(({ fresh }) => fresh), "ms");
    show(`read + estimate, warm, ${name}`, measured.map(({ warm }) => warm), "ms");
  }
}

function show(name: string, numbers: readonly number[], unit: string): void {
  const [middle, least] = [median(numbers), Math.min(...numbers)].map((one) => one.toFixed(1));
  console.log(`${name.padEnd(42)} median ${middle} ${unit}, least ${least}`);
}

async function main(): Promise<void> {
  const { _: [file, runs], here, program } = parseArgs(Deno.args, { string: ["here", "program"] });
  if (here !== undefined) return console.log(JSON.stringify(await measureHere(here)));
  const folder = await Deno.makeTempDir({ prefix: "brainjar-bench-" });
  try {
    const model = file === undefined ? `${folder}/large.gguf` : String(file);
    if (file === undefined) {
      await run(Deno.execPath(), ...DENO_RUN, `${ROOT}fixtures/main.ts`, PRESET, "--output", model);
    }
    await measure({ model, runs: Number(runs ?? 15), folder, program });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
