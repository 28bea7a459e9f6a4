/**
 * Holds `check` against `run` in real control groups: random machines (groups with a limit) and
 * random jars on small generated models. Wherever `check` passes, `run --turns 1` must reach its
 * end with a thought and no death for want of memory; wherever it fails, `run` must refuse with the
 * same codes. Machines are chosen around what the jars need, so that every answer is near.
 *
 *   deno run -A tests/bench/agreement.ts [--count 200] [--seed 1] [--only N]
 */
import { parseArgs } from "@std/cli/parse-args";
import { generateModel } from "../../fixtures/generate.ts";
import { Random } from "../../fixtures/random.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { parseSize } from "../../src/budget/size.ts";
import { runBrainjar } from "../e2e/program.ts";
import { findPlace, forgetPages, type Place, removeGroup, setLimit } from "./control_group.ts";
import { type Answer, startInGroup } from "./program_in_group.ts";

const MIB = 1024 ** 2;

/** What both commands said of one machine. */
export interface Agreement {
  /** Empty where they agree, else what is wrong. */
  readonly problem: string;
  /** The codes that `check` failed with; none where it passed. */
  readonly codes: readonly string[];
  /** In a line: the group's limit and the flags. */
  readonly machine: string;
  /** What was available to `check` and to `run`, in bytes. */
  readonly available: readonly [check: number, run: number];
}

/** Writes the models that jars are made of; answers their paths. */
export async function writeModels(folder: string): Promise<readonly string[]> {
  const shapes = {
    tiny: PRESETS["tiny"],
    qwen2: PRESETS["tiny-qwen2"],
    gemma3: PRESETS["tiny-gemma3"],
    mixtral: PRESETS["tiny-mixtral"],
    q8: { ...PRESETS["60m-q8_0"], vocabularySize: 8000 },
    q4: { ...PRESETS["60m-q8_0"], vocabularySize: 32000, type: "Q4_0" },
    f16: { ...PRESETS["60m-q8_0"], vocabularySize: 4000, layers: 4, type: "F16" },
  };
  const paths: string[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const whole = { ...PRESETS["tiny"], ...shape } as Parameters<typeof generateModel>[0];
    paths.push(...(await generateModel(whole, `${folder}/${name}.gguf`)).paths);
  }
  return paths;
}

/** Random jars: the flags that `check` and `run` are both given. */
function randomJars(random: Random, models: readonly string[]): string[] {
  const mode = random.pick(["single", "single", "matrix", "peer"]);
  const jars = {
    single: ["subject"],
    matrix: ["subject", "observer", "god"],
    peer: ["peer_a", "peer_b"],
  }[mode] ?? [];
  const sometimes = (share: number, ...flags: string[]) => random.fraction() < share ? flags : [];
  const megabytes = (least: number, most: number) =>
    `${Math.round(least + (most - least) * random.fraction())}MB`;
  return [
    ...["--mode", mode, "--model", random.pick(models)],
    ...jars.flatMap((jar) => sometimes(0.25, `--model-${jar}`, random.pick(models))),
    ...jars.flatMap((jar) => sometimes(0.25, `--ram-limit-${jar}`, megabytes(60, 260))),
    ...sometimes(0.7, "--context-size", String(random.pick([256, 512, 1024, 2048, 4096, 8192]))),
    ...sometimes(0.3, "--batch-size", String(random.pick([32, 128, 512]))),
    ...sometimes(0.3, "--no-mmap"),
    ...sometimes(0.2, "--no-share-weights"),
    ...sometimes(0.2, "--criterion", "floor"),
    ...sometimes(0.2, "--kv-cache-type", "q8_0"),
    ...["--safety-margin", String(random.pick([0, 2, 5, 15, 30]))],
    ...["--allocation-headroom", random.pick(["0", megabytes(0, 60)])],
    ...["--load-headroom", random.pick(["0", megabytes(0, 120)])],
  ];
}

/** The bytes that jars require, whatever machine they are on. */
async function requiredBytes(jars: readonly string[]): Promise<number> {
  const { stdout } = await runBrainjar(["check", "--json", ...jars, "--total-memory", "64"]);
  // What is refused on any machine needs no certain one.
  return JSON.parse(stdout).requiredBytes ?? 200 * MIB;
}

/** Checks and runs the machine and jars of one seed. */
export async function judge(
  place: Place,
  folder: string,
  models: readonly string[],
  seed: number,
): Promise<Agreement> {
  const random = new Random(seed);
  const jars = randomJars(random, models);
  const valueOf = (flag: string) =>
    parseSize(jars[jars.indexOf(flag) + 1] ?? "0", { allowZero: true });
  const headroom = Math.max(valueOf("--allocation-headroom"), valueOf("--load-headroom"));
  const margin = Number(jars[jars.indexOf("--safety-margin") + 1]) / 100;
  const required = await requiredBytes(jars);
  const near = Math.max(required / (1 - margin), required + headroom);
  const limit = Math.max(60 * MIB, near * (0.85 + 0.4 * random.fraction()));

  const group = { ...place, folder: `${place.folder}/machine-${crypto.randomUUID()}` };
  const runtime = await Deno.makeTempDir({ dir: folder });
  await Deno.chmod(runtime, 0o700);
  await Deno.mkdir(group.folder);
  try {
    setLimit(group, limit);
    for (const model of models) await forgetPages(model);
    // A ledger of its own: what other runs on this machine have reserved is no matter here.
    const env = { BRAINJAR_LEDGER: runtime };
    const inGroup = (args: readonly string[]) => startInGroup(group, args, { env }).answer;
    const check = await inGroup(["check", "--json", ...jars]);
    const run = await inGroup([
      ...["run", "--json", "--turns", "1", "--max-tokens", "8", "--seed", "1", ...jars],
    ]);
    return compare(check, run, `${(limit / MIB).toFixed(1)} MiB: ${jars.join(" ")}`);
  } finally {
    await removeGroup(group.folder);
    await Deno.remove(runtime, { recursive: true });
  }
}

/** What `check --json` and the lines of `run --json` have, as far as it is looked at. */
interface Told {
  readonly verdict?: string;
  readonly issues?: readonly { readonly code: string }[];
  readonly memory?: { readonly availableBytes: number };
  readonly validation?: Told;
  readonly event?: string;
  readonly code?: string;
  readonly message?: string;
  readonly cause?: string;
  readonly reason?: string;
  readonly error?: { readonly code: string };
}

function compare(check: Answer, run: Answer, machine: string): Agreement {
  const checked = check.lines[0] as Told | undefined;
  const events = run.lines as readonly Told[];
  const validation = events.find(({ event }) => event === "validation")?.validation;
  const codes = (told: Told | undefined) => told?.issues?.map(({ code }) => code) ?? [];
  const available = (told: Told | undefined) => told?.memory?.availableBytes ?? NaN;
  const problem = () => {
    if (checked?.error || check.code > 1 || check.signal) {
      return checked?.error && run.code === check.code
        ? ""
        : `check ended with ${check.code} ${check.signal ?? ""} ${check.stderr}`;
    }
    if (check.code === 1) {
      if (run.code !== 1) return `check refused, run ended with ${run.code} ${run.signal ?? ""}`;
      const [said, met] = [codes(checked).join(), codes(validation).join()];
      return said === met ? "" : `check refused for ${said}, run for ${met}`;
    }
    const end = events.find(({ event }) => event === "end");
    const deaths = events.flatMap(({ event, cause }) =>
      event === "death" && cause !== "context-full" ? [cause] : []
    );
    const warnings = events.flatMap(({ event, code, message }) =>
      event === "warning" ? [`${code} ${message}`] : []
    );
    if (end?.reason !== "turns" || run.code !== 0) {
      return `check passed, run ended with ${run.code} ${run.signal ?? ""} ${end?.reason ?? ""} ` +
        `${codes(validation).join()} ${warnings.join()} ${run.stderr}`;
    }
    if (deaths.length > 0) return `check passed, run had deaths: ${deaths.join()}`;
    return events.some(({ event }) => event === "thought")
      ? ""
      : "check passed, run had no thought";
  };
  return {
    problem: problem(),
    codes: codes(checked),
    machine,
    available: [available(checked), available(validation)],
  };
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const flags = parseArgs(Deno.args, {
    string: ["count", "seed", "only"],
    default: { count: "200", seed: "1" },
  });
  const place = findPlace();
  if (typeof place === "string") return console.log(`Skipped: ${place}`);
  const folder = await Deno.makeTempDir({ prefix: "brainjar-agreement-" });
  const counts = new Map<string, number>();
  let problems = 0;
  let drift = 0;
  try {
    const models = await writeModels(folder);
    const first = Number(flags.seed) * 10_000;
    const all = Array.from({ length: Number(flags.count) }, (_, index) => index);
    for (const index of flags.only === undefined ? all : [Number(flags.only)]) {
      const { problem, codes, machine, available: [checked, ran] } = await judge(
        place,
        folder,
        models,
        first + index,
      );
      const verdict = Number.isNaN(checked) ? "usage" : codes.join("+") || "pass";
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
      drift = Math.max(drift, Math.abs(checked - ran) || 0);
      if (problem) problems++;
      console.error(
        `${index}: ${verdict}, ${((ran - checked) / 1024).toFixed(0)} KiB more for run` +
          (problem ? `\n  PROBLEM ${problem}\n  ${machine}` : ""),
      );
    }
  } finally {
    await removeGroup(place.folder);
    await Deno.remove(folder, { recursive: true });
  }
  for (const [verdict, count] of counts) console.log(`${count} ${verdict}`);
  console.log(
    `seed ${flags.seed}: ${problems} disagreements; available to check and to run differs by at ` +
      `most ${(drift / 1024).toFixed(0)} KiB`,
  );
}
