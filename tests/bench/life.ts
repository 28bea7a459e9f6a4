/**
 * Whether a run that dies often lives at its floor: each configuration thinks for many turns in a
 * control group without swap whose limit is the floor that `check` asks for, to the page, with no
 * headroom and no margin. Says of each how often its jars died, the highest anonymous memory in the
 * first turn and in all of them, the most that the group couldn't have given back (that and the
 * kernel's own), and whether the kernel killed it.
 *
 * The program doesn't see the group: it would keep 5 % free besides (the watch), and what is asked
 * is whether the floor itself is enough.
 *
 * It is done with `MALLOC_ARENA_MAX=1`, as deno.json's tasks set it, and without.
 *
 *   deno run -A tests/bench/life.ts [--only N,N] [--turns 100] [--times 1] [--arenas one|many]
 *                                   [--above BYTES] [--models FOLDER]
 */
import { parseArgs } from "@std/cli/parse-args";
import { generateModel } from "../../fixtures/generate.ts";
import { runBrainjar } from "../e2e/program.ts";
import { findPlace, forgetPages, type Place, removeGroup, setLimit } from "./control_group.ts";
import { type Life, LIVES } from "./lives.ts";
import { type Answer, startInGroup } from "./program_in_group.ts";

const MIB = 1024 ** 2;
const PAGE = 4096;

/** Milliseconds between two looks at the group's memory. */
const LOOK_EVERY = 5;

/** Nothing is kept free: what is asked is whether the floor itself is enough. */
const BARE = [
  ...["--criterion", "floor", "--safety-margin", "0"],
  ...["--allocation-headroom", "0", "--load-headroom", "0"],
];

const ARENAS = { one: { MALLOC_ARENA_MAX: "1" }, many: {} } as const;
type Arenas = keyof typeof ARENAS;

/** What a group holds that it can't give back, in bytes. */
interface Held {
  readonly anonymous: number;
  readonly kernel: number;
}

interface Lived {
  readonly answer: Answer;
  readonly turns: number;
  readonly deaths: number;
  /** Highest anonymous memory until the last jar had thought once, and ever. */
  readonly first: number;
  readonly highest: number;
  /** Highest of anonymous and the kernel's memory together. */
  readonly held: number;
}

function flagsOf({ mode, flags }: Life, model: string): string[] {
  return ["--json", "--mode", mode, "--model", model, ...BARE, ...flags];
}

/** The floor of all jars together, in whole pages: a group's limit has no other. */
async function floorOf(life: Life, model: string): Promise<number> {
  const flags = flagsOf(life, model).filter((_, index, all) =>
    // Of a run's own flags these are all that `check` doesn't take.
    all[index] !== "--max-tokens" && all[index - 1] !== "--max-tokens"
  );
  const { stdout, stderr } = await runBrainjar(["check", ...flags, "--total-memory", "64"]);
  const { requiredBytes } = JSON.parse(stdout);
  if (typeof requiredBytes !== "number") throw new Error(`No floor: ${stdout} ${stderr}`);
  return Math.ceil(requiredBytes / PAGE) * PAGE;
}

function readHeld({ version, folder }: Place): Held | undefined {
  try {
    const stat = Deno.readTextFileSync(`${folder}/memory.stat`);
    const read = (name: string) => Number(new RegExp(`^${name} (\\d+)`, "m").exec(stat)?.[1] ?? 0);
    if (version === 2) return { anonymous: read("anon"), kernel: read("kernel") };
    const kernel = Number(Deno.readTextFileSync(`${folder}/memory.kmem.usage_in_bytes`));
    return { anonymous: read("rss"), kernel };
  } catch {
    // The group is gone: the run has ended.
    return undefined;
  }
}

async function live(
  place: Place,
  life: Life,
  model: string,
  { turns, arenas, limit }: { turns: number; arenas: Arenas; limit: number },
): Promise<Lived> {
  const group = { ...place, folder: `${place.folder}/life-${crypto.randomUUID()}` };
  // A ledger of its own: what other runs on this machine have reserved is no matter here.
  const runtime = await Deno.makeTempDir({ prefix: "brainjar-life-" });
  await Deno.chmod(runtime, 0o700);
  await Deno.mkdir(group.folder);
  let [first, highest, held] = [0, 0, 0];
  const log = `${runtime}/log.jsonl`;
  try {
    setLimit(group, limit);
    await forgetPages(model);
    const args = ["run", ...flagsOf(life, model)];
    const { answer } = startInGroup(
      group,
      [...args, "--turns", `${turns}`, "--seed", "1", "--log", log],
      { env: { BRAINJAR_LEDGER: runtime, ...ARENAS[arenas] }, unseen: true },
    );
    const looking = setInterval(() => {
      const now = readHeld(group);
      if (now === undefined) return;
      highest = Math.max(highest, now.anonymous);
      held = Math.max(held, now.anonymous + now.kernel);
    }, LOOK_EVERY);
    const firstTurn = setInterval(() => {
      first = highest;
      if (/"turn":2/.test(readText(log))) clearInterval(firstTurn);
    }, 50);
    const ended = await answer;
    clearInterval(looking);
    clearInterval(firstTurn);
    const events = readText(log).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { event: string; turn?: number; cause?: string });
    const deaths = events.filter(({ event }) => event === "death");
    const other = deaths.filter(({ cause }) => cause !== "context-full");
    if (other.length > 0) throw new Error(`Deaths for another cause: ${JSON.stringify(other)}`);
    return {
      answer: ended,
      turns: Math.max(0, ...events.map(({ turn = 0 }) => turn)),
      deaths: deaths.length,
      ...{ first, highest, held },
    };
  } finally {
    await removeGroup(group.folder);
    await Deno.remove(runtime, { recursive: true });
  }
}

/** A file's text as far as it is written; none before it is there. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function verdictOf(
  { answer: { code, signal, stderr }, turns }: Lived,
  asked: number,
): string {
  if (code === 0 && turns === asked) return "lived";
  if (signal === "SIGKILL" || code === 137) return "KILLED";
  return `ended with ${code}: ${stderr}`;
}

const flags = parseArgs(Deno.args, {
  string: ["only", "turns", "times", "arenas", "above", "models"],
  default: { turns: "100", times: "1", above: "0" },
});
const place = findPlace();
if (typeof place === "string") {
  console.log(`Skipped: ${place}`);
} else {
  const folder = flags["models"] ?? await Deno.makeTempDir({ prefix: "brainjar-bench-" });
  const mib = (bytes: number) => (bytes / MIB).toFixed(1);
  const turns = Number(flags.turns);
  const only = flags["only"]?.split(",");
  const kinds = (["one", "many"] as const)
    .filter((kind) => flags["arenas"] === undefined || flags["arenas"] === kind);
  console.log(
    "| configuration, MiB | arenas | floor | anonymous, first turn | at its highest | with the " +
      "kernel's | turns | deaths | |\n| --- | --- | --: | --: | --: | --: | --: | --: | --- |",
  );
  let killed = 0;
  try {
    for (const [index, life] of LIVES.entries()) {
      if (only !== undefined && !only.includes(`${index}`)) continue;
      const model = `${folder}/life-${index}.gguf`;
      await generateModel(life.shape, model, { sparse: true });
      const floor = await floorOf(life, model);
      const limit = floor + Number(flags.above);
      for (const arenas of kinds) {
        for (let time = 0; time < Number(flags.times); time++) {
          const lived = await live(place, life, model, { turns, arenas, limit });
          const verdict = verdictOf(lived, turns);
          if (verdict !== "lived") killed++;
          const { first, highest, held, deaths } = lived;
          const cells = [floor, first, highest, held].map(mib);
          const row = [life.name, arenas, ...cells, lived.turns, deaths, verdict];
          console.log(`| ${row.join(" | ")} |`);
        }
      }
    }
  } finally {
    await removeGroup(place.folder);
    if (flags["models"] === undefined) await Deno.remove(folder, { recursive: true });
  }
  console.log(`${killed} didn't live`);
}
