/**
 * Whether a run of jars in processes of their own outlives whatever ends those: each is killed by signals
 * at random moments (in its first admission, while it comes back, while it thinks, while it dies, at any
 * other). Every time there has to be a death with its cause and a resurrection; no line may be missing
 * from the transcript, nothing may be reserved at the end, and no process left.
 *
 *   deno run -A tests/bench/kills.ts [--kills 50] [--stops 2] [--each 10] [--seed N]
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  faultsOf,
  type Kill,
  killJars,
  type KillPlan,
  type KillSignal,
  MOMENTS,
} from "../e2e/kill_jars.ts";
import { randomFrom } from "../random_from.ts";
import { median } from "./median.ts";

/** A process that is stopped is silent for half a minute first: there are fewer of those. */
const SIGNALS: readonly KillSignal[] = [
  "SIGKILL",
  "SIGABRT",
  "SIGKILL",
  "SIGABRT",
  "SIGSEGV",
  "SIGTERM",
];

const flags = parseArgs(Deno.args, {
  string: ["kills", "stops", "each", "seed"],
  default: { kills: "50", stops: "2", each: "10" },
});
const seed = Number(flags["seed"] ?? crypto.getRandomValues(new Uint16Array(1))[0]);
console.log(`--seed ${seed}`);

const random = randomFrom(seed);
const kills: Kill[] = [];
const faults: string[] = [];
let lines = 0;
for (let left = Number(flags.kills), run = 0; left > 0; run++) {
  const count = Math.min(left, Number(flags.each));
  const planned = planOf(count, Number(flags.stops) > run);
  const ended = await killJars(planned);
  kills.push(...ended.kills);
  lines += ended.transcript.length;
  faults.push(...faultsOf(ended).map((fault) => `run ${run + 1}, seed ${planned.seed}: ${fault}`));
  left -= count;
  console.log(`  run ${run + 1}: ${ended.kills.length} kills, ${ended.transcript.length} lines`);
}
console.log("\n| moment | kills | by | jars | back after, s: middle | longest |");
console.log("| --- | --: | --- | --- | --: | --: |");
for (const moment of MOMENTS) {
  const own = kills.filter((kill) => kill.moment === moment);
  if (own.length === 0) continue;
  const seconds = own.map(({ milliseconds }) => milliseconds / 1000);
  const count = (key: "signal" | "id") =>
    [...Map.groupBy(own, (kill) => kill[key])].map(([of, all]) => `${all.length} ${of}`).join(", ");
  const times = [median(seconds), Math.max(...seconds)].map((one) => one.toFixed(1));
  console.log(`| ${[moment, own.length, count("signal"), count("id"), ...times].join(" | ")} |`);
}
console.log(
  `\n${kills.length} kills, each a death with its cause and a resurrection; ${lines} lines`,
);
console.log(faults.length === 0 ? "No faults" : faults.join("\n"));
if (faults.length > 0) Deno.exit(1);

function planOf(count: number, withStop: boolean): KillPlan {
  const pick = <Value>(values: readonly Value[]): Value | undefined =>
    values[Math.floor(random() * values.length)];
  const [admission, ...later] = MOMENTS;
  const first = Math.floor(random() * 3);
  const planned = Array.from({ length: count }, (_, index) => ({
    signal: withStop && index === count - 1 ? "SIGSTOP" : pick(SIGNALS) ?? "SIGKILL",
    moment: index < first ? admission : pick(later) ?? "any",
  } as const));
  return { seed: Math.floor(random() * 2 ** 31), kills: planned };
}
