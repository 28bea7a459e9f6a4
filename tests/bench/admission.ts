/**
 * Holds brainjar's verdicts against the kernel: in a control group without swap it finds the
 * smallest limit at which each configuration loads and thinks, and prints it beside brainjar's
 * floor. `--speed` compares tokens a second at the working set with those without a limit instead,
 * `--random N` loads N random limits around the floor.
 *
 *   deno run -A tests/bench/admission.ts [--quick] [--only N] [--random N [--seed N]] [--speed]
 *                                        [--models FOLDER] [--keep]
 */
import { parseArgs } from "@std/cli/parse-args";
import { defaultCache } from "../../fixtures/generate.ts";
import { addedBytes } from "../../src/budget/required.ts";
import { openEngine } from "../../src/engine/open.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { PROGRAM_BYTES } from "../../src/footprint/runtime.ts";
import { readModel } from "../../src/llama_cpp/models/families.ts";
import { loadedWeights } from "../../src/llama_cpp/memory/weights.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import {
  type Configuration,
  CONFIGURATIONS,
  modelFile,
  nameOf,
  optionsOf,
} from "./configurations.ts";
import { findPlace, type Outcome, type Place, removeGroup, runInside } from "./control_group.ts";
import type { WorkerTask } from "./jars_worker.ts";
import { Random } from "../../fixtures/random.ts";
import { median } from "./median.ts";

const MIB = 1024 ** 2;

/** The search ends when the bracket is this narrow. */
const PRECISION = 0.01;

/** Ten steps of a prompt: more samplers than are ever alive at once. */
const PROMPT_TOKENS = 640;

/** What brainjar says of a configuration, in bytes. */
interface Promised {
  readonly floor: number;
  readonly workingSet: number;
  readonly peak: number;
}

interface Row extends Promised {
  readonly name: string;
  readonly threshold: number;
  readonly anonymous: number;
  readonly measuredPeak: number;
  readonly fileRule: number;
  readonly dryLoad: number;
}

const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
const mib = (bytes: number) => (bytes / MIB).toFixed(0);

async function promise(path: string, configuration: Configuration): Promise<Promised> {
  const header = await readHeader(path);
  const cpu = await readCpuFeatures();
  const footprint = await estimateFootprint(header, optionsOf(configuration), cpu);
  const jar = { model: path, footprint: footprint.jar };
  const jars = Array.from({ length: configuration.jars }, () => jar);
  const all = (criterion: "floor" | "working-set") =>
    addedBytes(jars, { criterion, shareWeights: configuration.share })
      .reduce((sum, bytes) => sum + bytes, 0);
  const floor = all("floor");
  const workingSet = all("working-set");
  const kept = loadedWeights(header, (await readModel(header)).shape, cpu)
    .reduce((sum, { repacked, bytes }) => sum + (repacked || !configuration.mmap ? 0 : bytes), 0);
  const { lastingBytes = 0, processBytes = 0 } = footprint.jar.loading ?? {};
  // The file's pages are there once, but every load has them in a mapping of its own, and only
  // the load that is under way has all of them.
  const before = configuration.share ? 0 : configuration.jars - 1;
  const peak = Math.max(
    footprint.bytes.peak + before * (lastingBytes - processBytes + kept),
    configuration.share && configuration.jars > 1 ? floor + kept + PROGRAM_BYTES : 0,
  );
  return { floor, workingSet, peak };
}

function taskOf(path: string, configuration: Configuration, timedTokens = 0): WorkerTask {
  return {
    model: path,
    jars: configuration.jars,
    share: configuration.share,
    options: optionsOf(configuration),
    promptTokens: PROMPT_TOKENS,
    maxTokens: 8,
    timedTokens,
  };
}

/** Throws what a worker failed with that neither lived, was killed, nor took too long. */
function expected({ survived, killed, late, error }: Outcome): void {
  if (!survived && !killed && !late) throw new Error(`The worker failed: ${error}`);
}

/** The kernel let it be: to its end, or for longer than anyone waits. */
function isAlive({ survived, late }: Outcome): boolean {
  return survived || late;
}

/** The smallest limit that survives, by bisection around brainjar's floor. */
async function threshold(place: Place, task: WorkerTask, floor: number): Promise<number> {
  const lives = async (limit: number) => {
    const outcome = await runInside(place, task, limit);
    say(` ${mib(limit)}${outcome.survived ? "+" : outcome.killed ? "-" : "?"}`);
    expected(outcome);
    return isAlive(outcome);
  };
  let high = floor;
  let low = floor / 1.1;
  while (!await lives(high)) [low, high] = [high, high * 1.1];
  if (low < high && high === floor) {
    while (await lives(low)) [low, high] = [low / 1.1, low];
  }
  while (high - low > PRECISION * high) {
    const middle = (low + high) / 2;
    if (await lives(middle)) high = middle;
    else low = middle;
  }
  return high;
}

async function measure(
  place: Place,
  path: string,
  configuration: Configuration,
): Promise<Row> {
  const promised = await promise(path, configuration);
  const task = taskOf(path, configuration);
  const free = await runInside(place, task, undefined);
  if (!free.survived) throw new Error(`${nameOf(configuration)} fails unlimited: ${free.error}`);
  const engine = await openEngine();
  const dryLoad = await engine.dryLoad(path, optionsOf(configuration));
  await engine.dispose();
  const loads = configuration.share ? 1 : configuration.jars;
  return {
    ...promised,
    name: nameOf(configuration),
    threshold: await threshold(place, task, promised.floor),
    anonymous: free.anonymousPeak,
    measuredPeak: free.peak,
    fileRule: (await Deno.stat(path)).size * 1.5 * configuration.jars,
    dryLoad: dryLoad.modelBytes * loads + dryLoad.contextBytes * configuration.jars,
  };
}

const HEADS = [
  "configuration, MiB",
  "anonymous",
  "killed below",
  "floor",
  "ratio",
  "verdict",
  "peak",
  "said",
  "file × 1.5",
  "dry load",
];

const SPEED_HEADS = [
  "configuration, tokens a second",
  "no limit",
  "at the working set",
  "ratio",
  "halfway to the floor",
];

/** Tokens of a timed thought, and how many times each limit is taken in turn. */
const TIMED_TOKENS = 128;
const ROUNDS = 3;

const renderCells = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

function renderRow(row: Row): string {
  const ratio = row.floor / row.threshold;
  const verdict = ratio < 1 - PRECISION / 2 ? "FALSE PASS" : ratio > 1.1 ? "too careful" : "holds";
  return renderCells([
    row.name,
    mib(row.anonymous),
    mib(row.threshold),
    mib(row.floor),
    ratio.toFixed(3),
    verdict,
    mib(row.measuredPeak),
    `${mib(row.peak)} (${((row.peak / row.measuredPeak - 1) * 100).toFixed(1)} %)`,
    mib(row.fileRule),
    mib(row.dryLoad),
  ]);
}

function renderHeads(heads: readonly string[]): string {
  const rule = heads.map((head, index) => index === 0 || head === "verdict" ? "---" : "--:");
  return `${renderCells(heads)}\n${renderCells(rule)}`;
}

function tokensPerSecond({ lines }: Outcome): number {
  const timed = lines.filter((line) => line.phase === "timed");
  const tokens = timed.reduce((sum, line) => sum + (line.thoughtTokens ?? 0), 0);
  const milliseconds = timed.reduce((sum, line) => sum + (line.milliseconds ?? 0), 0);
  return tokens / milliseconds * 1000;
}

/** How fast a configuration thinks without a limit, at the working set and under it. */
async function measureSpeed(place: Place, path: string, configuration: Configuration) {
  const { floor, workingSet } = await promise(path, configuration);
  const task = taskOf(path, configuration, TIMED_TOKENS);
  const limits = [undefined, workingSet, (workingSet + floor) / 2];
  const speeds: number[][] = limits.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, limit] of limits.entries()) {
      // Where nothing stays mapped there is nothing between the two; else once is slow enough.
      if (index === 2 && (round > 0 || workingSet === floor)) continue;
      const outcome = await runInside(place, task, limit);
      expected(outcome);
      const speed = tokensPerSecond(outcome);
      say(` ${limit === undefined ? "free" : mib(limit)}: ${speed.toFixed(1)}`);
      speeds[index]?.push(speed);
    }
  }
  const [free = NaN, limited = NaN, under = NaN] = speeds.map(median);
  const cells = [free, limited].map((speed) => speed.toFixed(1));
  return renderCells([
    nameOf(configuration),
    ...cells,
    (limited / free).toFixed(2),
    Number.isNaN(under) ? "–" : under.toFixed(1),
  ]);
}

/** Random limits around what brainjar says, each loaded for real. */
async function randomPairs(
  place: Place,
  count: number,
  seed: number,
  rows: readonly (readonly [Configuration, string])[],
) {
  const random = new Random(seed);
  let falsePasses = 0;
  let refusals = 0;
  let falseRefusals = 0;
  for (let pair = 0; pair < count; pair++) {
    const [configuration, path] = random.pick(rows);
    const { floor } = await promise(path, configuration);
    const limit = floor * (0.8 + 0.4 * random.fraction());
    const outcome = await runInside(place, taskOf(path, configuration), limit);
    expected(outcome);
    const passes = floor <= limit;
    const lives = isAlive(outcome);
    const wrong = passes && !lives;
    if (wrong) falsePasses++;
    // Within a tenth below its floor brainjar may refuse what would just live.
    if (!passes && lives && limit < floor / 1.1) falseRefusals++;
    if (!passes) refusals++;
    say(
      `${pair + 1}/${count} ${nameOf(configuration)} at ${mib(limit)} of ${mib(floor)}: ` +
        `${passes ? "passes" : "refused"}, ${lives ? "lives" : "dies"}` +
        `${wrong ? ` FALSE PASS ${outcome.error}` : ""}\n`,
    );
  }
  console.log(
    `${count} pairs, seed ${seed}: ${falsePasses} false passes, ` +
      `${falseRefusals} false refusals outside the 10 % band, of ${refusals} refusals`,
  );
}

const flags = parseArgs(Deno.args, {
  boolean: ["quick", "speed", "keep"],
  string: ["random", "seed", "models", "only"],
  default: { seed: "4" },
});
const place = findPlace();
if (typeof place === "string") {
  console.log(`Skipped: ${place}`);
} else {
  const folder = flags["models"] ?? await Deno.makeTempDir({ prefix: "brainjar-bench-" });
  const paths = new Map<string, string>();
  try {
    if (flags["random"] === undefined) console.log(renderHeads(flags.speed ? SPEED_HEADS : HEADS));
    const known: (readonly [Configuration, string])[] = [];
    for (const [index, configuration] of CONFIGURATIONS.entries()) {
      if (flags["quick"] && index >= 4) break;
      if (
        flags["only"] !== undefined && !String(flags["only"]).split(",").includes(String(index))
      ) continue;
      const path = await modelFile(folder, configuration.model, defaultCache());
      paths.set(configuration.model, path);
      known.push([configuration, path]);
      if (flags["random"] !== undefined) continue;
      say(`${nameOf(configuration)}:`);
      // A table of an hour is printed as it comes.
      const row = flags.speed
        ? await measureSpeed(place, path, configuration)
        : renderRow(await measure(place, path, configuration));
      say("\n");
      console.log(row);
    }
    if (flags["random"] !== undefined) {
      await randomPairs(place, Number(flags["random"]), Number(flags.seed), known);
    }
  } finally {
    await removeGroup(place.folder);
    if (!flags["keep"]) await Deno.remove(folder, { recursive: true });
  }
}
