/**
 * What limit a jar lives in as a job of a real Slurm, with its context filled by thoughts in two lives
 * one after the other: the limit that brainjar asks for, 5 % less than the floor, and the least that
 * it lives in, bisected to a MiB. The jar's own layers are told that each limit is the one that was asked
 * for, so that the kernel alone decides; what they do with less than was asked for is a column too.
 *
 *   deno run -A tests/bench/slurm_limits.ts [--times 10] [--only WORDS] [--folder FOLDER]
 *
 * FOLDER keeps the models from one call to the next.
 */
import { parseArgs } from "@std/cli/parse-args";
import { live, type Load, loadOf, type Outcome } from "./slurm_job.ts";
import { ensureModel, SIZED } from "./slurm_models.ts";
import { type Slurm, startSlurm, whyNoSlurm } from "../../fixtures/slurm/start_slurm.ts";
import { limitOf } from "../../src/jar_process/launchers/asked_of.ts";
import { readLauncher } from "../../src/jar_process/launchers/read_launcher.ts";

const MIB = 1024 ** 2;

const { times, only = "", folder } = parseArgs(Deno.args, {
  string: ["only", "folder", "times"],
  default: { times: "10", folder: `${Deno.env.get("TMPDIR") ?? "/tmp"}/brainjar-slurm-models` },
});

const reason = whyNoSlurm();
if (reason !== undefined) {
  console.error(`No Slurm: ${reason}`);
  Deno.exit(1);
}

/** How often each outcome came. */
async function count(one: () => Promise<Outcome>): Promise<string> {
  const outcomes: Outcome[] = [];
  for (let time = 0; time < Number(times); time++) outcomes.push(await one());
  const groups = Map.groupBy(outcomes, (outcome) => outcome);
  return [...groups].map(([outcome, all]) => `${outcome} ${all.length}`).join(", ");
}

/** The least limit, in MiB, that a jar lives in. */
async function least(slurm: Slurm, load: Load, enough: number): Promise<number> {
  let [low, high] = [Math.floor(enough / 2), enough];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await live(slurm, load, middle) === "lived") high = middle;
    else low = middle;
  }
  return high;
}

const slurm = await startSlurm([{ name: "node1", memoryMib: 4000 }]);
try {
  console.log(
    "| model | file | floor | asked | least that lives | asked: | floor - 5 %: | the same, as its layers see it: |",
  );
  for (const sized of SIZED.filter(({ name }) => name.includes(only))) {
    const path = await ensureModel(folder, sized);
    const load = await loadOf(slurm, path, sized);
    const choice = readLauncher("slurm");
    const { demand } = load;
    const asked = choice && limitOf(choice, demand, "floor");
    if (asked === undefined) throw new Error("Slurm holds jars to a limit");
    const floor = demand.footprint.floorBytes / MIB;
    const short = Math.floor(floor * 0.95);
    const cells = [
      `${sized.name}, ${sized.contextSize}${sized.mmap ? "" : ", no mmap"}`,
      Math.round((await Deno.stat(path)).size / MIB),
      floor.toFixed(1),
      asked / MIB,
      await least(slurm, load, asked / MIB),
      await count(() => live(slurm, load, asked / MIB)),
      `${short}: ${await count(() => live(slurm, load, short))}`,
      await count(() => live(slurm, load, short, asked)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  await slurm.close();
}
