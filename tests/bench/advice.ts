/**
 * Follows advice to the letter: random jars on random machines that don't fit, each recommendation
 * of `check` typed as it is printed, and what `recommend` prints typed after `check`. All of them
 * must pass.
 *
 *   deno run -A tests/bench/advice.ts [--count 10000] [--seed 1]
 */
import { parseArgs } from "@std/cli/parse-args";
import { generateModel } from "../../fixtures/generate.ts";
import { Random } from "../../fixtures/random.ts";
import { LLAMA_1B, type ModelShape, PRESETS, TINY } from "../../fixtures/shape.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import type { Recommendation } from "../../src/budget/recommendation.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { typedForRun } from "../../src/cli/commands/recommend.ts";
import { parseCommandLine } from "../../src/cli/flags/parse.ts";
import { type FlagValues, readValues } from "../../src/cli/flags/values.ts";
import { readSettings } from "../../src/cli/settings/settings.ts";
import { adviseOn } from "../../src/plan/advise.ts";
import { type Host, openHost } from "../../src/plan/host.ts";
import { recommendLimitsOn } from "../../src/plan/limits.ts";
import { readMemoryOf } from "../../src/plan/machine_memory.ts";
import { type Plan, planOn } from "../../src/plan/plan.ts";
import type { Settings } from "../../src/plan/settings.ts";
import { recommendationFlags, recommendationMessage } from "../../src/report/recommendation.ts";
import { recommendJson, recommendText } from "../../src/report/recommended_limits.ts";

/** What became of one random machine. */
export interface Followed {
  /** Recommendations that were typed. */
  readonly followed: number;
  /** Empty where all of them passed. */
  readonly problems: readonly string[];
}

/** Small and large models; the large ones are holes, since only headers are read. */
export async function writeModels(folder: string): Promise<readonly string[]> {
  const shapes: Readonly<Record<string, ModelShape>> = {
    tiny: TINY,
    gemma3: { ...TINY, ...PRESETS["tiny-gemma3"] },
    "60m": { ...TINY, ...PRESETS["60m-q8_0"] },
    "1b": { ...LLAMA_1B, vocabulary: "small", vocabularySize: 32000 },
    "7b": {
      ...LLAMA_1B,
      ...{ vocabulary: "small", vocabularySize: 32000, layers: 32, embedding: 4096 },
      ...{ headLength: 128, feedForward: 14336, contextLength: 32768, type: "Q8_0" },
    },
  };
  const paths: string[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    paths.push(...(await generateModel(shape, `${folder}/${name}.gguf`, { sparse: true })).paths);
  }
  return paths;
}

const MODES = {
  single: ["subject"],
  matrix: ["subject", "observer", "god"],
  peer: ["peer_a", "peer_b"],
} as const;

/** A command line: what is asked for, and of which machine. */
type Typed = ReadonlyMap<string, string | true>;

function wordsOf(typed: Typed): string[] {
  return [...typed].flatMap(([flag, value]) => value === true ? [flag] : [flag, value]);
}

/** A random size near another, in one of the notations that people use. */
function sizeNear(random: Random, gigabytes: number): string {
  const amount = gigabytes * (0.3 + 1.4 * random.fraction());
  return amount < 0.2 || random.fraction() < 0.2
    ? `${Math.max(1, Math.round(amount * 1024))}MB`
    : amount.toFixed(random.integer(3));
}

function randomLine(random: Random, models: readonly string[]): Typed {
  const typed = new Map<string, string | true>();
  const mode = random.pick(["single", "matrix", "matrix", "peer"] as const);
  const sometimes = (share: number, flag: string, value: () => string | true) => {
    if (random.fraction() < share) typed.set(flag, value());
  };
  const scale = random.pick([0.1, 0.3, 1, 3, 10, 40]);
  typed.set("--mode", mode);
  typed.set("--model", random.pick(models));
  for (const jar of MODES[mode]) {
    sometimes(0.15, `--model-${jar}`, () => random.pick(models));
    sometimes(0.35, `--ram-limit-${jar}`, () => sizeNear(random, scale / MODES[mode].length));
  }
  sometimes(0.5, "--context-size", () => String(2 ** (8 + random.integer(9))));
  sometimes(0.3, "--batch-size", () => random.pick(["32", "256", "2048"]));
  sometimes(0.2, "--flash-attention", () => "off");
  sometimes(0.2, "--kv-cache-type", () => random.pick(["q8_0", "f32"]));
  sometimes(0.2, "--no-mmap", () => true);
  sometimes(0.2, "--no-share-weights", () => true);
  sometimes(0.15, "--criterion", () => "floor");
  sometimes(0.1, "--estimator", () => "filesize");
  sometimes(0.5, "--safety-margin", () => random.pick(["0", "5", "12.5", "40"]));
  sometimes(0.5, "--allocation-headroom", () => random.pick(["0", "64MB", "0.5", "3"]));
  sometimes(0.5, "--load-headroom", () => random.pick(["0", "100MB", "0.7", "5"]));
  typed.set("--total-memory", sizeNear(random, scale));
  sometimes(0.4, "--available-memory", () => sizeNear(random, scale * 0.7));
  return typed;
}

/** A host whose machine is a command line's, with the headers that were read before. */
function hostFor(base: Host, { machine }: Settings): Host {
  return { ...base, readMemory: () => readMemoryOf(machine) };
}

function valuesOf(command: "check" | "recommend", typed: Typed): FlagValues {
  const line = parseCommandLine([command, ...wordsOf(typed)]);
  if (line.kind !== "command") throw new Error("Not a command line");
  return readValues(line.command, line.flags);
}

/** What `check` says of a command line. */
async function check(base: Host, typed: Typed): Promise<Plan> {
  const settings = await readSettings(valuesOf("check", typed));
  const host = hostFor(base, settings);
  return await planOn(host, settings, await host.readMemory());
}

/** The flags of a text as they are typed, `--flag value` or a switch. */
function parseWords(words: readonly string[]): Map<string, string | true> {
  const typed = new Map<string, string | true>();
  for (const [at, word] of words.entries()) {
    if (!word.startsWith("--")) continue;
    const value = words[at + 1];
    typed.set(word, value === undefined || value.startsWith("--") ? true : value);
  }
  return typed;
}

/** The command line that a recommendation asks for, from what is printed of it. */
function follow(typed: Typed, recommendation: Recommendation, validation: Validation): Typed {
  const message = recommendationMessage(recommendation, validation);
  const next = new Map(typed);
  const amounts = [...message.matchAll(/([\d.]+ ?(?:[KMG]B|bytes?))/g)].map(([text]) => text);
  switch (recommendation.kind) {
    case "changes": {
      const flags = parseWords(
        recommendationFlags(recommendation, validation).flatMap((flag) => flag.split(" ")),
      );
      if (flags.size === 0) next.delete("--no-share-weights");
      if (flags.get("--mode") === "single") {
        for (const flag of next.keys()) {
          if (/-(observer|god|peer_[ab])$/.test(flag)) next.delete(flag);
        }
      }
      for (const [flag, value] of flags) next.set(flag, value);
      break;
    }
    case "machine":
      next.set("--total-memory", amounts[0] ?? "");
      next.set("--available-memory", amounts[1] ?? "");
      for (const [flag, value] of parseWords(message.split(" "))) next.set(flag, value);
      break;
    case "free-memory":
      next.set(
        "--available-memory",
        `${validation.memory.availableBytes + recommendation.bytes}B`,
      );
  }
  return next;
}

/** Follows all advice that the machine and jars of one seed get. */
export async function followAdvice(
  base: Host,
  models: readonly string[],
  seed: number,
): Promise<Followed> {
  const typed = randomLine(new Random(seed), models);
  const problems: string[] = [];
  let followed = 0;
  const expectPass = async (what: string, next: Typed) => {
    followed++;
    try {
      const { validation } = await check(base, next);
      if (validation.ok) return;
      const codes = validation.issues.map(({ code }) => code).join();
      problems.push(`${what}: ${codes} of ${wordsOf(next).join(" ")}`);
    } catch (error) {
      problems.push(`${what}: ${error} of ${wordsOf(next).join(" ")}`);
    }
  };
  try {
    const plan = await check(base, typed);
    const { validation } = await adviseOn(hostFor(base, plan.settings), plan);
    if (!validation.ok && validation.recommendations.length === 0) problems.push("no advice");
    for (const one of validation.recommendations) {
      await expectPass(
        recommendationMessage(one, validation),
        follow(typed, one, validation),
      );
    }
    await followRecommend(base, typed, expectPass);
  } catch (error) {
    // Jars that can't be are told so on any machine.
    if (!(error instanceof BrainjarError) || error.kind !== "usage") throw error;
  }
  return { followed, problems: problems.map((problem) => `seed ${seed}: ${problem}`) };
}

async function followRecommend(
  base: Host,
  asked: Typed,
  expectPass: (what: string, next: Typed) => Promise<void>,
): Promise<void> {
  const typed = new Map([...asked].filter(([flag]) => !flag.startsWith("--ram-limit")));
  const values = valuesOf("recommend", typed);
  const settings = await readSettings(values);
  const recommended = await recommendLimitsOn(hostFor(base, settings), settings);
  const words = typedForRun(values, recommended);
  const there = [...typed].filter(([flag]) => /^--(total|available)-memory$/.test(flag));
  const { command } = recommendJson(recommended, words) as { readonly command?: string };
  if (command !== undefined) {
    return await expectPass(command, new Map([...parseWords(command.split(" ")), ...there]));
  }
  const needed = [...recommendText(recommended, words).matchAll(/(?:RAM|Available): +(.*)/g)];
  const [total = "", available = ""] = needed.slice(-2).map(([, text]) => text ?? "");
  const context = Math.max(...recommended.contexts.map(({ contextSize }) => contextSize));
  await expectPass(
    `needed ${total}, ${available}`,
    new Map([
      ...typed,
      ["--context-size", String(context)],
      ["--total-memory", total],
      ["--available-memory", available],
    ]),
  );
}

/** A host for `followAdvice`. */
export function openAdviceHost(): Host {
  return openHost({ machine: { name: "described" } });
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const flags = parseArgs(Deno.args, {
    string: ["count", "seed"],
    default: { count: "10000", seed: "1" },
  });
  const folder = await Deno.makeTempDir({ prefix: "brainjar-advice-" });
  await using host = openAdviceHost();
  let all = 0;
  let wrong = 0;
  try {
    const models = await writeModels(folder);
    const first = Number(flags.seed) * 1_000_000;
    for (let index = 0; index < Number(flags.count); index++) {
      const { followed, problems } = await followAdvice(host, models, first + index);
      all += followed;
      wrong += problems.length;
      for (const problem of problems) console.error(problem);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(
    `${flags.count} random machines and jars, seed ${flags.seed}: ${all} answers followed, ` +
      `${all - wrong} pass`,
  );
}
