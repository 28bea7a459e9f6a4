/**
 * `brainjar plan --machines` beside what a user would do instead, on many jars: machines filled in the
 * order of the jars (first fit), and the sum of what all need divided by what a machine may give out,
 * which then doesn't hold them. Then the whole program, cold, from its start to the last byte.
 *
 * Usage: deno run -A tests/bench/placement.ts [--runs N]
 */
import { parseArgs } from "@std/cli/parse-args";
import { placeJars } from "../../src/budget/placement/place.ts";
import { type JarGroup, type MachineKind, toProblem } from "../../src/budget/placement/problem.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { gb } from "../budget/cases.ts";
import { each, jars, kind, numbers, onDevice } from "../budget/placement/cases.ts";
import { median } from "./median.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const ROOM = 13.6;
const one = [kind(20_000, 16)];
const thousand = [kind(1000, 16)];
const two = [kind(1000, 16), kind(150, 64)];
const large = [kind(500, 16), kind(600, 24, 24)];
const few = [kind(200, 16), kind(450, 24, 24)];

/** Three jars that fill a machine to its last byte, so many times. */
function triplets(count: number, machines: readonly MachineKind[]): JarGroup[] {
  const random = numbers();
  const room = Math.floor(gb(16) * 0.85);
  const threes = Array.from({ length: count }, (_, at) => {
    const first = Math.round(room * (0.38 + random() * 0.11));
    const second = Math.round(room * 0.25 + random() * (room / 2 - first));
    return [first, second, room - first - second]
      .map((bytes, index) => jars(`t${at}-${index}`, 1, bytes, machines));
  });
  // Nobody has them side by side.
  return [0, 1, 2].flatMap((index) => threes.flatMap((three) => three[index] ?? []));
}

function cards(count: number, machines: readonly MachineKind[]): JarGroup[] {
  const random = numbers();
  return Array.from(
    { length: count },
    (_, at) =>
      onDevice(`c${at}`, 1, { ramGb: 0.5 + random(), deviceGb: 1 + random() * 9 }, machines),
  );
}

function halfOnDevices(machines: readonly MachineKind[]): JarGroup[] {
  return [...cards(2000, machines), ...each(2000, machines, (random) => 0.3 + random() * 4)];
}

const FAMILIES: readonly (readonly [name: string, groups: JarGroup[], machines: MachineKind[]])[] =
  [
    ["10,000 equal jars of 1.2 GB", [jars("a", 10_000, gb(1.2), one)], one],
    ["10,000 just over a half", [jars("a", 10_000, gb(ROOM / 2 + 0.001), one)], one],
    ["10,000 just over a third", [jars("a", 10_000, gb(ROOM / 3 + 0.001), one)], one],
    [
      "3,000 of 45, 35 and 21 % of a machine",
      [0.45, 0.35, 0.21].map((share, at) => jars(`j${at}`, 1000, gb(share * ROOM), one)),
      one,
    ],
    [
      "10,000 sizes, 0.2 to 2.5 GB",
      each(10_000, thousand, (random) => 0.2 + random() * 2.3),
      thousand,
    ],
    ["10,000 sizes, 0.1 to 13.5 GB", each(10_000, one, (random) => 0.1 + random() * 13.4), one],
    ["10,000 sizes, 2.7 to 8 GB", each(10_000, one, (random) => 2.7 + random() * 5.3), one],
    ["9,999 in threes that fill a machine exactly", triplets(3333, one), one],
    ["8,000 sizes on two kinds of machine", each(8000, two, (random) => 0.2 + random() * 2.3), two],
    ["4,000 sizes, half on devices", halfOnDevices(large), large],
    ["the same on too few machines", halfOnDevices(few), few],
  ];

/** Bytes of machines by first fit, in the order of the jars; how many had no place. */
function firstFit(groups: readonly JarGroup[], machines: readonly MachineKind[]) {
  const { kinds, counts } = toProblem(groups, machines, { ...DEFAULT_POLICY, shareWeights: false });
  const open: { readonly kind: number; readonly left: number[] }[] = [];
  const free = kinds.map(({ count }) => count);
  const ways = kinds.map(({ choices }) => Map.groupBy(choices, ({ group }) => group));
  let bytes = 0;
  let without = 0;
  const fits = (needs: readonly number[], left: readonly number[]) =>
    needs.every((need, room) => need <= (left[room] ?? 0));
  const put = (needs: readonly number[], left: number[]) =>
    needs.forEach((need, room) => left[room] = (left[room] ?? 0) - need);
  const placeOne = (group: number): boolean => {
    for (const { kind, left } of open) {
      const way = ways[kind]?.get(group)?.find(({ needs }) => fits(needs, left));
      if (way === undefined) continue;
      put(way.needs, left);
      return true;
    }
    for (const [kind, { rooms, bytes: size }] of kinds.entries()) {
      const way = ways[kind]?.get(group)?.[0];
      if (way === undefined || (free[kind] ?? 0) === 0) continue;
      free[kind] = (free[kind] ?? 0) - 1;
      const left = [...rooms];
      put(way.needs, left);
      open.push({ kind, left });
      bytes += size;
      return true;
    }
    return false;
  };
  for (const [group, count] of counts.entries()) {
    for (let jar = 0; jar < count; jar++) if (!placeOne(group)) without++;
  }
  return { bytes, without };
}

/** What RAM alone comes to: the sum, divided among machines of the first kind. */
function dividedSum(groups: readonly JarGroup[], [first]: readonly MachineKind[]): number {
  const sum = groups.reduce(
    (all, { ids, ways }) => all + ids.length * (ways.flat()[0]?.footprint.workingSetBytes ?? 0),
    0,
  );
  return Math.ceil(sum / (ROOM * 1024 ** 3)) * (first?.memory.totalBytes ?? 0);
}

function sizeOf(groups: readonly JarGroup[]): number {
  return groups.reduce((all, { ids }) => all + ids.length, 0);
}

const inGb = (bytes: number) => (bytes / 1024 ** 3).toFixed(0);

function compare(): void {
  console.log("| jars | bound, GB | brainjar | over | ms | first fit | over | sum / machine |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const [name, groups, machines] of FAMILIES) {
    const start = performance.now();
    const { ok, usedBytes, leastBytes, placedCount } = placeJars({
      groups,
      machines,
      policy: DEFAULT_POLICY,
    });
    const milliseconds = performance.now() - start;
    const naive = firstFit(groups, machines);
    const over = (bytes: number) => `${((bytes / leastBytes - 1) * 100).toFixed(2)} %`;
    const cells = [
      name,
      inGb(leastBytes),
      `${inGb(usedBytes)}${ok ? "" : ` (${placedCount} placed)`}`,
      over(usedBytes),
      milliseconds.toFixed(0),
      naive.without > 0 ? `${sizeOf(groups) - naive.without} placed` : inGb(naive.bytes),
      naive.without > 0 ? "" : over(naive.bytes),
      machines.length > 1 ? "" : inGb(dividedSum(groups, machines)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** A jar file of many jars on four models of a billion parameters and less, and one of eight. */
async function writeJarFile(folder: string): Promise<string> {
  const presets = ["8b", "1b-q4_0", "qwen2-1.5b-q4_0", "300m-q8_0"];
  for (const preset of presets) {
    const args = ["run", "-q", "-A", "fixtures/main.ts", preset, "--sparse", "--output"];
    const made = await new Deno.Command(Deno.execPath(), {
      args: [...args, `${folder}/${preset}.gguf`],
      cwd: ROOT,
    }).output();
    if (!made.success) throw new Error(new TextDecoder().decode(made.stderr));
  }
  const random = numbers();
  const among = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  const many = Array.from({ length: 10_000 }, (_, at) => ({
    name: `jar-${at}`,
    // One in ten has the large model, so that the others are placed beside it.
    model: `${random() < 0.1 ? presets[0] : among(presets.slice(1))}.gguf`,
    contextSize: among([1024, 2048, 4096]),
    gpuLayers: 0,
  }));
  const path = `${folder}/many.jsonc`;
  await Deno.writeTextFile(path, JSON.stringify({ jars: many }));
  return path;
}

async function program(runs: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const file = await writeJarFile(folder);
    const questions = [["16GB*1000"], ["16GB*1000", "--json"], ["16GB*900,24GB+cuda:24GB*100"]];
    for (const [machines = "", ...more] of questions) {
      const args = ["run", "-q", "-A", `${ROOT}main.ts`, "plan", "--jars", file];
      const times: number[] = [];
      let said = "";
      for (let run = 0; run < runs; run++) {
        const start = performance.now();
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [...args, "--machines", machines, ...more],
        }).output();
        times.push(performance.now() - start);
        if (code > 1) throw new Error(new TextDecoder().decode(stderr));
        said = new TextDecoder().decode(stdout);
      }
      const sum = more.length > 0 ? "" : said.split("\n").slice(3, 6).join("; ");
      console.log(
        `10,000 jars, --machines ${[machines, ...more].join(" ")}: ${
          median(times).toFixed(0)
        } ms ` +
          `(median of ${runs}, ${
            Math.max(...times).toFixed(0)
          } at most); ${said.length} bytes; ${sum}`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const { runs } = parseArgs(Deno.args, { string: ["runs"] });
compare();
await program(Number(runs ?? 5));
