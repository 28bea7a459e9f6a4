/**
 * Whether a jar that takes more than its estimate dies of its own limit alone: three jars, each in a
 * process and a control group of its own with the limit that brainjar asks for. One after the other is
 * filled beyond that, again and again. Told are the deaths, and how fast the others think: just before,
 * while it is dead, and once it is back.
 *
 *   deno run -A tests/bench/own_limit.ts [--times 9] [--seconds 4] [--model FILE]
 */
import { parseArgs } from "@std/cli/parse-args";
import type { RunEventJson } from "../../src/report/schema/event.ts";
import { FollowedRun, sleep } from "../e2e/followed_run.ts";
import { brainjarCommand, ROOT } from "../e2e/program.ts";
import { findPlace, removeGroup } from "./control_group.ts";
import { median } from "./median.ts";

const JARS = ["subject", "observer", "god"] as const;

/** How a group is held to a limit. */
const LIMIT = {
  1: "echo $2 > $g/memory.limit_in_bytes; (echo 0 > $g/memory.swappiness) 2>/dev/null",
  2: "echo $2 > $g/memory.max; (echo 0 > $g/memory.swap.max) 2>/dev/null",
} as const;

const flags = parseArgs(Deno.args, {
  string: ["times", "seconds", "model"],
  default: { times: "9", seconds: "4", model: `${ROOT}fixtures/demo-brain.gguf` },
});
const window = Number(flags.seconds) * 1000;

const place = findPlace();
if (typeof place === "string") {
  console.error(`Not measured: ${place}`);
  Deno.exit(1);
}
const { folder, version } = place;
const script = await Deno.makeTempFile({ prefix: "brainjar-own-limit-" });
await Deno.writeTextFile(
  script,
  `g=${folder}/$1; mkdir -p $g; ${LIMIT[version]}; echo $$ > $g/cgroup.procs; shift 2; exec "$@"\n`,
);

/** What the run says, and when that was heard. */
const events: { readonly at: number; readonly event: RunEventJson }[] = [];
const child = brainjarCommand([
  ...["run", "--json", "--mode", "matrix", "--model", flags.model, "--seed", "1"],
  ...["--allocation-headroom", "0", "--load-headroom", "0", "--max-tokens", "24"],
  ...["--launcher", `sh ${script} {name} {memory} {command}`],
]).spawn();
const said = new Response(child.stderr).text();
const run = new FollowedRun<RunEventJson>(
  child,
  (event) => events.push({ at: performance.now(), event }),
);

const whileDead: number[] = [];
const onceBack: number[] = [];
let deathsOfOthers = 0;
try {
  await run.until(() => JARS.every((id) => find(0, "thought", id) !== undefined));
  console.log(
    "| filled | died of | dead for, s | others before, tokens/s | while dead | once back |",
  );
  console.log("| --- | --- | --: | --: | --: | --: |");
  for (let time = 0; time < Number(flags.times); time++) {
    const id = JARS[time % JARS.length] ?? "god";
    await sleep(window);
    const filled = performance.now();
    fill(id);
    const died = await run.until(() => find(filled, "death", id));
    const back = await run.until(() => find(died.at, "resurrection", id));
    await sleep(window);
    const before = speedOfOthers(id, filled - window, filled);
    const dead = speedOfOthers(id, died.at, back.at);
    const after = speedOfOthers(id, back.at, back.at + window);
    whileDead.push(dead / before);
    onceBack.push(after / before);
    deathsOfOthers += JARS.filter((other) =>
      other !== id && find(filled, "death", other) !== undefined
    ).length;
    const figures = [(back.at - died.at) / 1000, before, dead, after].map((one) => one.toFixed(1));
    console.log(`| ${[id, died.cause, ...figures].join(" | ")} |`);
  }
} finally {
  child.kill("SIGINT");
  const { code } = await child.status;
  await run.reading;
  if (code !== 130) console.error(await said);
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) await removeGroup(`${folder}/${name}`);
  }
  await Deno.remove(folder);
  await Deno.remove(script);
}
console.log(`
Others' tokens a second against before, in the middle: while it is dead ${
  median(whileDead).toFixed(3)
}, once it is back ${median(onceBack).toFixed(3)}; deaths of others: ${deathsOfOthers}`);

/** Fills a jar's group: the kernel ends the jar first, and then what fills it. */
function fill(id: string): void {
  // Each start has a group of its own: those of the dead are empty.
  const group = [...Deno.readDirSync(folder)].find(({ name, isDirectory }) =>
    isDirectory && name.includes(id) &&
    Deno.readTextFileSync(`${folder}/${name}/cgroup.procs`) !== ""
  );
  if (group === undefined) throw new Error(`No group of ${id}'s`);
  const enter =
    `echo -300 > /proc/self/oom_score_adj; echo $$ > ${folder}/${group.name}/cgroup.procs`;
  new Deno.Command("sh", { args: ["-c", `${enter}; exec tail /dev/zero`] }).spawn();
}

/** A jar's first event of a kind since some time, those left out that belong to a full context. */
function find(since: number, kind: RunEventJson["event"], id: string) {
  for (const { at, event } of events) {
    if (at < since || event.event !== kind || !("id" in event) || event.id !== id) continue;
    const cause = "cause" in event ? event.cause : undefined;
    if (cause !== "context-full") return { at, cause };
  }
  return undefined;
}

/** Tokens that the others sampled by the time that their thoughts took. */
function speedOfOthers(id: string, from: number, to: number): number {
  let tokens = 0;
  let milliseconds = 0;
  for (const { at, event } of events) {
    if (event.event !== "thought" || event.id === id || at < from || at >= to) continue;
    tokens += event.tokens;
    milliseconds += event.milliseconds;
  }
  return tokens / milliseconds * 1000;
}
