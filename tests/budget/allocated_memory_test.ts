import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { memoryFor } from "../../src/budget/allocated_memory.ts";
import type { JarFootprint } from "../../src/budget/demand.ts";
import {
  type AllocatedKind,
  decide,
  type MachineMemory,
  type MemorySource,
} from "../../src/budget/memory.ts";
import { DEFAULT_POLICY, usableBytes } from "../../src/budget/policy.ts";
import { validateMemoryBudget } from "../../src/budget/validate.ts";

const SEED = 20261126;

/** A jar of 100 bytes that are filled, 900 that stay in the file and 50 that are never touched. */
const FOOTPRINT: JarFootprint = {
  floorBytes: 100,
  workingSetBytes: 1000,
  shared: { floorBytes: 60, workingSetBytes: 960 },
  allocated: {
    untouchedBytes: 30,
    processBytes: 20,
    mappedBytes: 950,
    addressSpaceBytes: 70,
    openingBytes: 400,
  },
};
const POLICY = { ...DEFAULT_POLICY, safetyMarginPercent: 0 };

function memoryOf(counts: AllocatedKind, totalBytes: number, availableBytes: number) {
  const sources: Omit<MemorySource, "decides">[] = [
    { figure: "total", name: "MemTotal", bytes: 5000 },
    { figure: "total", name: "limit", path: "/limits", bytes: totalBytes, counts },
    { figure: "available", name: "MemAvailable", bytes: 4000 },
    { figure: "available", name: "limit", path: "/limits", bytes: availableBytes, counts },
  ];
  return { ...decide(sources), reservedBytes: 0, warnings: [] } satisfies MachineMemory;
}

const jar = (model: string, ramLimitBytes?: number) => ({
  model,
  footprint: FOOTPRINT,
  ...(ramLimitBytes === undefined ? {} : { ramLimitBytes }),
});

const KINDS: readonly [AllocatedKind, needed: number, why: string][] = [
  ["data", 100 + 50, "mapped weights are no data, and what isn't touched is"],
  ["address-space", 100 + 50 + 950 + 70, "all of the mapped file is in the address space"],
  ["committed", 400, "a second process is there while the engine opens"],
];

for (const [kind, needed, why] of KINDS) {
  Deno.test(`allocated memory: ${kind}: ${why}`, () => {
    for (const [availableBytes, holds] of [[needed, true], [needed - 1, false]] as const) {
      const memory = memoryFor(memoryOf(kind, 5000, availableBytes), [jar("a")], POLICY);
      assertEquals(memory.availableBytes >= 1000, holds, `${memory.availableBytes}`);
    }
    const { totalBytes } = memoryFor(memoryOf(kind, needed, needed), [jar("a")], POLICY);
    assertEquals(totalBytes, 1000);
  });
}

Deno.test("allocated memory: a second jar on the model adds its own part alone", () => {
  const two = [jar("a"), jar("a")];
  const needed = 100 + 40 + 30 + 30 + 20;
  assertEquals(memoryFor(memoryOf("data", 5000, needed), two, POLICY).availableBytes, 1040);
  // One mapping for both.
  const mapped = memoryFor(memoryOf("address-space", 5000, needed + 950 + 70), two, POLICY);
  assertEquals(mapped.availableBytes, 1040);
  const apart = { ...POLICY, shareWeights: false };
  const both = memoryFor(memoryOf("address-space", 5000, 280 + 1900 + 70), two, apart);
  assertEquals(both.availableBytes, 2000);
});

Deno.test("allocated memory: a RAM limit allocates nothing", () => {
  const memory = memoryFor(memoryOf("data", 5000, 150), [jar("a", 3000)], POLICY);
  assertEquals(memory.availableBytes, 3000);
});

Deno.test("allocated memory: the margin is kept of the limit, not of what stays in the file", () => {
  const policy = { ...DEFAULT_POLICY, safetyMarginPercent: 20 };
  const usable = (limit: number) =>
    usableBytes(memoryFor(memoryOf("data", limit, limit), [jar("a")], policy).totalBytes, policy);
  assert(usable(150 / 0.8 + 1) >= 1000);
  assert(usable(150 / 0.8 - 2) < 1000);
});

Deno.test("allocated memory: what a loaded jar never fills isn't taken off twice", () => {
  const first = memoryOf("data", 500, 480);
  // Loaded: 100 filled, 50 allocated and not filled.
  const loaded = memoryOf("data", 450, 330);
  const before = memoryFor(first, [jar("a")], POLICY);
  const after = memoryFor(loaded, [jar("a")], POLICY, first);
  assertEquals(before.availableBytes - after.availableBytes, 100);
});

Deno.test("allocated memory: without such a limit nothing changes", () => {
  const { sources } = memoryOf("data", 1, 1);
  const plain: MachineMemory = {
    ...decide(sources.filter(({ counts }) => counts === undefined)),
    reservedBytes: 0,
    warnings: [],
  };
  assertEquals(memoryFor(plain, [jar("a")], POLICY), plain);
});

Deno.test(`allocated memory: passes exactly where what is allocated fits (seed ${SEED})`, () => {
  const size = fc.integer({ min: 0, max: 2 ** 30 });
  const footprint = fc.tuple(size, size, size, size, size, size).map((
    [floor, mapped, untouched, process, file, opening],
  ): JarFootprint => ({
    floorBytes: floor,
    workingSetBytes: floor + mapped,
    shared: { floorBytes: 0, workingSetBytes: mapped },
    allocated: {
      untouchedBytes: untouched,
      processBytes: process,
      mappedBytes: file,
      addressSpaceBytes: file,
      openingBytes: opening,
    },
  }));
  fc.assert(
    fc.property(footprint, size, (footprint, limit) => {
      const { allocated } = footprint;
      const needed = footprint.floorBytes + (allocated?.untouchedBytes ?? 0) +
        (allocated?.processBytes ?? 0);
      const memory = { ...memoryOf("data", 2 ** 40, limit) };
      const sources = memory.sources.map((source) =>
        source.counts === undefined ? { ...source, bytes: 2 ** 41 } : source
      );
      const instance = { id: "a", role: "subject" as const, model: "a", footprint };
      const { issues } = validateMemoryBudget({
        mode: "single",
        instances: [instance],
        memory: memoryFor({ ...memory, ...decide(sources) }, [instance], POLICY),
        policy: POLICY,
      });
      const ok = issues.every((issue) => !("limit" in issue));
      // A footprint of nothing passes anything.
      assertEquals(
        ok || footprint.workingSetBytes === 0,
        needed <= limit || footprint.workingSetBytes === 0,
      );
    }),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("allocated memory: a reading's terms sum to it", () => {
  const { sources } = memoryFor(memoryOf("data", 600, 400), [jar("a")], POLICY);
  for (const { bytes, terms } of sources) {
    if (terms === undefined) continue;
    assertEquals(terms.reduce((sum, term) => sum + term.bytes, 0), bytes);
  }
});

Deno.test("allocated memory: what others have reserved is taken off once, and not of own limits", () => {
  const reserved = { ...memoryOf("committed", 5000, 3000), reservedBytes: 500 };
  const committed = memoryFor(reserved, [jar("a")], POLICY);
  // 3000 − 500, and 1000 required where 400 are committed.
  assertEquals(committed.availableBytes, 3000 - 500 + 1000 - 400);
  const own = memoryFor({ ...memoryOf("data", 5000, 300), reservedBytes: 500 }, [jar("a")], POLICY);
  assertEquals(own.availableBytes, 300 + 1000 - 150);
  const machine = memoryFor(
    { ...memoryOf("data", 5000, 4000), reservedBytes: 500 },
    [jar("a")],
    POLICY,
  );
  assertEquals(machine.availableBytes, 4000 - 500);
});

Deno.test("allocated memory: what can't be allocated is no thrashing, whatever is mapped", () => {
  const instance = { id: "a", role: "subject" as const, ...jar("a") };
  const memory = memoryFor(memoryOf("data", 5000, 140), [instance], POLICY);
  const { issues } = validateMemoryBudget({
    mode: "single",
    instances: [instance],
    memory,
    policy: POLICY,
  });
  assertEquals(
    issues.map((issue) => "workingSetBytes" in issue && [issue.code, issue.limit, issue.counts]),
    [["would-be-killed", "available", "data"]],
  );
});
