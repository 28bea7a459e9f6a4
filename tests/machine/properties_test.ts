import { assert } from "@std/assert";
import fc from "fast-check";
import { readLinuxMemory } from "../../src/machine/memory/linux_memory.ts";
import { fakeFiles, type FakeTree } from "./fake_files.ts";

const SEED = 20260214;
const PAGE = 4096;
const pages = fc.integer({ min: 0, max: 2 ** 23 });
const limit = fc.option(pages, { nil: undefined });

interface Group {
  readonly max: number | undefined;
  readonly high: number | undefined;
  readonly current: number;
  readonly inactive: number;
  readonly active: number;
}

const groups = fc.array(
  fc.record({ max: limit, high: limit, current: pages, inactive: pages, active: pages }),
  { minLength: 1, maxLength: 5 },
);
const machine = fc.record({
  total: fc.integer({ min: 1, max: 2 ** 23 }),
  available: pages,
  groups,
});

function treeOf(total: number, available: number, chain: readonly Group[]): FakeTree {
  const tree: Record<string, string> = {
    "/proc/meminfo": `MemTotal: ${total * 4} kB\nMemAvailable: ${available * 4} kB\n`,
    "/proc/self/mountinfo": "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  };
  let path = "";
  chain.forEach((group, index) => {
    path += `/g${index}`;
    const folder = `/sys/fs/cgroup${path}`;
    const size = (value: number | undefined) => value === undefined ? "max" : `${value * PAGE}`;
    tree[`${folder}/memory.max`] = size(group.max);
    tree[`${folder}/memory.high`] = size(group.high);
    tree[`${folder}/memory.current`] = size(group.current);
    tree[`${folder}/memory.stat`] = `inactive_file ${group.inactive * PAGE}\nactive_file ${
      group.active * PAGE
    }\n`;
  });
  tree["/proc/self/cgroup"] = `0::${path}\n`;
  return tree;
}

Deno.test(`machine properties: no figure is above any reading (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(machine, async ({ total, available, groups }) => {
      const memory = await readLinuxMemory(fakeFiles(treeOf(total, available, groups)), "self");
      assert(memory.totalBytes <= total * PAGE);
      assert(memory.availableBytes >= 0 && memory.availableBytes <= memory.totalBytes);
      assert(memory.availableBytes <= available * PAGE);
      for (const group of groups) {
        for (const bound of [group.max, group.high]) {
          if (bound === undefined) continue;
          assert(memory.totalBytes <= bound * PAGE);
          const reclaimable = Math.min(group.inactive + group.active, group.current);
          const left = Math.max(0, bound - group.current + reclaimable);
          assert(memory.availableBytes <= left * PAGE);
        }
      }
      for (const figure of ["total", "available"] as const) {
        const sources = memory.sources.filter((source) => source.figure === figure);
        assert(sources.filter((source) => source.decides).length === 1);
        const deciding = sources.find((source) => source.decides);
        assert(sources.every((source) => source.bytes >= (deciding?.bytes ?? Infinity)));
      }
    }),
    { seed: SEED, numRuns: 400 },
  );
});

Deno.test(`machine properties: more use or a tighter limit never gives more (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      machine,
      pages,
      fc.nat(4),
      async ({ total, available, groups }, more, which) => {
        const read = (chain: readonly Group[]) =>
          readLinuxMemory(fakeFiles(treeOf(total, available, chain)), "self");
        const before = await read(groups);
        const changed = (change: (group: Group) => Group) =>
          groups.map((group, index) => index === which % groups.length ? change(group) : group);
        // What is newly used is no file cache: anonymous memory is what jars fill.
        const used = await read(changed((group) => ({
          ...group,
          current: group.current + more,
          inactive: Math.min(group.inactive, group.current),
          active: Math.min(group.active, group.current - Math.min(group.inactive, group.current)),
        })));
        assert(used.availableBytes <= before.availableBytes);
        const tighter = await read(changed((group) => ({
          ...group,
          max: Math.min(group.max ?? Infinity, more),
        })));
        assert(tighter.availableBytes <= before.availableBytes);
        assert(tighter.totalBytes <= before.totalBytes);
      },
    ),
    { seed: SEED, numRuns: 400 },
  );
});

Deno.test(`machine properties: no text makes anything but figures or an error (seed ${SEED})`, async () => {
  const good = treeOf(100, 50, [{ max: 40, high: undefined, current: 1, inactive: 0, active: 0 }]);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(good)),
      fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant(new Error("denied"))),
      async (path, content) => {
        try {
          const memory = await readLinuxMemory(fakeFiles({ ...good, [path]: content }), "self");
          assert(Number.isSafeInteger(memory.availableBytes) && memory.availableBytes >= 0);
          assert(memory.totalBytes > 0 || path.includes("memory.max"));
        } catch (error) {
          assert(error instanceof Error && error.name === "BrainjarError", String(error));
        }
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});
