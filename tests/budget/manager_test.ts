import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { JarFootprint } from "../../src/budget/demand.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import { DEFAULT_POLICY, type Policy, usableBytes } from "../../src/budget/policy.ts";
import { footprint, gb, inRam, machine } from "./cases.ts";

const SEED = 20260214;

function manager(memory: MachineMemory, policy: Partial<Policy> = {}): MemoryBudgetManager {
  return new MemoryBudgetManager({
    policy: { ...DEFAULT_POLICY, ...policy },
    readMemory: () => memory,
  });
}

const alone = { path: "/a.gguf", footprint: footprint(1, 2) };
const shared = { path: "/s.gguf", footprint: footprint(2, 3, 1, 2) };

Deno.test("manager: an approval says what was allocated and what remains", () => {
  const budget = manager(machine(20));
  assertEquals(budget.allocate("subject", gb(8), alone), {
    ok: true,
    id: "subject",
    ...inRam({
      allocatedBytes: gb(8),
      totalBytes: gb(8),
      usableBytes: gb(17),
      remainingBytes: gb(9),
    }),
  });
  assertEquals(budget.allocate("god", undefined, alone).ok, true);
  assertEquals(budget.reservedBytes, gb(10));
});

Deno.test("manager: refuses an id that is allocated, an empty id, a limit that isn't one", () => {
  const budget = manager(machine(20));
  budget.allocate("god", gb(5), alone);
  const reason = (id: string, limit: number | undefined) => {
    const result = budget.allocate(id, limit, alone);
    return result.ok ? "ok" : result.reason;
  };
  assertEquals(reason("god", gb(5)), "already-allocated");
  assertEquals(reason("", gb(5)), "empty-id");
  assertEquals(reason(" \t", gb(5)), "empty-id");
  for (const limit of [0, -0, -1, NaN, Infinity, -Infinity]) {
    assertEquals(reason("subject", limit), "invalid-limit");
  }
  assertEquals(budget.reservedBytes, gb(5));
});

Deno.test("manager: the first reason is the one that is said", () => {
  // Nothing fits here: no budget, nothing available.
  const budget = manager(machine(20, 20));
  budget.allocate("god", gb(5), alone);
  const reason = (id: string, limit: number) => {
    const result = budget.allocate(id, limit, alone);
    return result.ok ? "ok" : result.reason;
  };
  assertEquals(reason("god", NaN), "already-allocated");
  assertEquals(reason("", NaN), "empty-id");
  assertEquals(reason("subject", -1), "invalid-limit");
  assertEquals(reason("subject", gb(100)), "exceeds-budget");
});

Deno.test("manager: reservations + required > usable is refused, equal is not", () => {
  const budget = manager(machine(20));
  budget.allocate("subject", gb(8), alone);
  assertEquals(budget.allocate("god", gb(9) + 1, alone), {
    ok: false,
    id: "god",
    reason: "exceeds-budget",
    requestedBytes: gb(9) + 1,
    totalAfterBytes: gb(17) + 1,
    usableBytes: gb(17),
    excessBytes: 1,
  });
  assertEquals(budget.allocate("god", gb(9), alone).ok, true);
});

Deno.test("manager: available < required + headroom is refused, equal is not", () => {
  const refused = manager(machine(20, 6)).allocate("god", gb(5) + 1, alone);
  assertEquals(refused, {
    ok: false,
    id: "god",
    reason: "insufficient-available",
    requestedBytes: gb(5) + 1,
    headroomBytes: gb(1),
    neededBytes: gb(6) + 1,
    availableBytes: gb(6),
    shortBytes: 1,
  });
  assertEquals(manager(machine(20, 6)).allocate("god", gb(5), alone).ok, true);
  const none = manager(machine(20, 6), { allocationHeadroomBytes: 0 });
  assertEquals(none.allocate("god", gb(6), alone).ok, true);
});

Deno.test("manager: memory is read at each decision", () => {
  let available = 2;
  const budget = new MemoryBudgetManager({
    policy: DEFAULT_POLICY,
    readMemory: () => machine(20, available),
  });
  assertEquals(budget.allocate("god", gb(5), alone).ok, false);
  available = 20;
  assertEquals(budget.allocate("god", gb(5), alone).ok, true);
});

Deno.test("manager: what is reserved and not yet resident isn't available", () => {
  let available = 12;
  const budget = new MemoryBudgetManager({
    policy: DEFAULT_POLICY,
    readMemory: () => machine(20, available),
  });
  budget.allocate("subject", gb(6), alone);
  assertEquals(budget.unfilledBytes(), gb(6));
  const refused = budget.allocate("god", gb(6), alone);
  assertEquals(!refused.ok && refused.reason, "insufficient-available");
  assertEquals("availableBytes" in refused && refused.availableBytes, gb(6));

  // It fills its reservation: the machine has less, and nothing is unfilled any more.
  available = 6.5;
  budget.markResident("subject", gb(5.5));
  assertEquals(budget.unfilledBytes(), gb(0.5));
  assertEquals(budget.allocate("god", gb(5), alone).ok, true);
  budget.markResident("god", gb(99));
  assertEquals(budget.unfilledBytes(), gb(0.5));
  assertEquals(budget.unfilledBytes("subject"), 0);
  budget.markResident("nobody", gb(1));
  budget.markResident("god", -1);
  assertEquals(budget.unfilledBytes(), gb(5.5));
});

Deno.test("manager: a second jar on a model reserves what it adds", () => {
  const budget = manager(machine(20));
  assertEquals(allocated(budget, "subject"), gb(3));
  assertEquals(allocated(budget, "observer"), gb(1));
  assertEquals(budget.reservedBytes, gb(4));
  assertEquals(
    manager(machine(20), { criterion: "floor" }).allocate("a", undefined, shared).ok,
    true,
  );

  const separate = manager(machine(20), { shareWeights: false });
  assertEquals(allocated(separate, "subject"), gb(3));
  assertEquals(allocated(separate, "observer"), gb(3));
});

function allocated(budget: MemoryBudgetManager, id: string, limit?: number): number {
  const result = budget.allocate(id, limit, shared);
  return result.ok ? result.allocatedBytes : -1;
}

Deno.test("manager: shared weights stay reserved until the last jar on them goes", () => {
  const budget = manager(machine(20));
  for (const id of ["subject", "observer", "god"]) allocated(budget, id);
  assertEquals(budget.reservedBytes, gb(5));
  assertEquals(budget.deallocate("subject").givenBackBytes, gb(1));
  assertEquals(
    budget.getAllocationReport().jars.map(({ id, allocatedBytes }) => [id, allocatedBytes]),
    [["observer", gb(3)], ["god", gb(1)]],
  );
  assertEquals(budget.deallocate("god").givenBackBytes, gb(1));
  assertEquals(budget.deallocate("observer"), {
    ok: true,
    id: "observer",
    ...inRam({ givenBackBytes: gb(3), totalBytes: 0 }),
  });
});

Deno.test("manager: who inherits the weights inherits that they are resident", () => {
  const budget = manager(machine(20));
  allocated(budget, "subject");
  allocated(budget, "observer");
  budget.markResident("subject", gb(3));
  assertEquals(budget.unfilledBytes(), gb(1));
  budget.deallocate("subject");
  // The weights (2 GB) are resident, the observer's own 1 GB is still to be filled.
  assertEquals(budget.reservedBytes, gb(3));
  assertEquals(budget.unfilledBytes(), gb(1));
  // What it fills while it thinks comes on top of what it inherited.
  budget.markGrowth("observer", gb(0.75), gb(9));
  assertEquals(budget.unfilledBytes(), gb(0.25));
  budget.markGrowth("observer", -gb(9), gb(9));
  budget.markGrowth("nobody", gb(1), gb(9));
  // What the process doesn't hold wasn't filled.
  budget.markGrowth("observer", gb(0.25), gb(2.75));
  assertEquals(budget.unfilledBytes(), gb(0.25));
});

Deno.test("manager: weights that stayed loaded are not required of available memory again", () => {
  const dead = { ...shared, residentBytes: gb(2) };
  // 3 GB required, 2 of them resident, 1 GB headroom: 2 GB are enough.
  assertEquals(manager(machine(20, 2)).allocate("subject", undefined, shared).ok, false);
  const budget = manager(machine(20, 2));
  const approved = budget.allocate("subject", undefined, dead);
  assertEquals(approved.ok && approved.allocatedBytes, gb(3));
  assertEquals(budget.unfilledBytes(), gb(1));
  const short = manager(machine(20, 1.5)).allocate("subject", undefined, dead);
  assertEquals("shortBytes" in short && short.shortBytes, gb(0.5));

  // Beside a jar that counts them already, they make no difference.
  const beside = manager(machine(20, 20));
  allocated(beside, "observer");
  const second = beside.allocate("subject", undefined, dead);
  assertEquals(second.ok && second.allocatedBytes, gb(1));
  assertEquals(beside.unfilledBytes(), gb(4));
});

Deno.test("manager: an unknown id gives back nothing, and so does a second time", () => {
  const budget = manager(machine(20));
  assertEquals(budget.deallocate("god"), {
    ok: false,
    id: "god",
    ...inRam({ givenBackBytes: 0, totalBytes: 0 }),
  });
  budget.allocate("god", gb(5), alone);
  assertEquals(budget.deallocate("god").givenBackBytes, gb(5));
  assertEquals(budget.deallocate("god").ok, false);
  assertEquals(budget.allocate("god", gb(5), alone).ok, true);
});

Deno.test("manager: layer 3 asks for what a jar still has to load, beside the others", () => {
  let available = 9;
  const budget = new MemoryBudgetManager({
    policy: DEFAULT_POLICY,
    readMemory: () => machine(20, available),
  });
  assertEquals(budget.checkBeforeLoad("subject"), undefined);
  allocated(budget, "subject", gb(4));
  allocated(budget, "observer");
  const first = budget.checkBeforeLoad("subject");
  assertEquals(first?.requiredBytes, gb(4));
  assertEquals(first?.availableBytes, gb(8));
  assertEquals(first?.level, "ok");
  budget.markResident("subject", gb(4));
  available = 5;
  // Of the observer's 3 GB two are the subject's weights, which are there.
  const second = budget.checkBeforeLoad("observer");
  assertEquals([second?.requiredBytes, second?.neededBytes, second?.ok], [gb(1), gb(3), true]);
});

Deno.test("manager: the report is the live jars", () => {
  const budget = manager(machine(20, 8, { reservedBytes: gb(2) }));
  assertEquals(budget.getAllocationReport(), {
    ...inRam({
      totalBytes: gb(20),
      usedPercent: 50,
      usableBytes: gb(17),
      allocatedBytes: 0,
      remainingBytes: gb(17),
    }),
    jars: [],
  });
  budget.allocate("god", gb(5), alone);
  assertEquals(budget.getAllocationReport().jars, [
    { id: "god", ...inRam({ allocatedBytes: gb(5) }), modelBytes: gb(2), model: "/a.gguf" },
  ]);
});

Deno.test("manager: a policy or footprint that isn't one is an error", () => {
  for (const safetyMarginPercent of [-1, 100, NaN]) {
    assertThrows(() => manager(machine(20), { safetyMarginPercent }), BrainjarError);
  }
  const wrong = { path: "/a.gguf", footprint: footprint(NaN, 1) };
  assertThrows(() => manager(machine(20)).allocate("god", gb(1), wrong), BrainjarError);
});

type Step =
  | {
    readonly kind: "allocate";
    readonly id: string;
    readonly model: string;
    readonly limit: number;
  }
  | { readonly kind: "deallocate"; readonly id: string }
  | { readonly kind: "resident"; readonly id: string; readonly bytes: number };

const MODELS: Readonly<Record<string, JarFootprint>> = {
  a: { floorBytes: 30, workingSetBytes: 60, shared: { floorBytes: 10, workingSetBytes: 40 } },
  b: { floorBytes: 100, workingSetBytes: 100, shared: { floorBytes: 99, workingSetBytes: 99 } },
  c: { floorBytes: 0, workingSetBytes: 7, shared: { floorBytes: 0, workingSetBytes: 0 } },
};

const anyId = fc.constantFrom("subject", "observer", "god", "peer_a", "");
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("allocate" as const),
    id: anyId,
    model: fc.constantFrom(...Object.keys(MODELS)),
    limit: fc.constantFrom(0, -5, NaN, 1, 50, 120, 300, 1e300),
  }),
  fc.record({ kind: fc.constant("deallocate" as const), id: anyId }),
  fc.record({ kind: fc.constant("resident" as const), id: anyId, bytes: fc.nat(200) }),
);

Deno.test("manager: whatever happens, reservations are those of the live jars", () => {
  fc.assert(
    fc.property(
      fc.array(anyStep, { maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom("working-set" as const, "floor" as const),
      fc.integer({ min: 0, max: 900 }),
      (steps, shareWeights, criterion, available) => {
        const policy: Policy = {
          ...DEFAULT_POLICY,
          allocationHeadroomBytes: 10,
          shareWeights,
          criterion,
        };
        const memory = { ...machine(1), totalBytes: 700, availableBytes: available };
        const usable = usableBytes(700, policy);
        const budget = new MemoryBudgetManager({ policy, readMemory: () => memory });
        // The rule said another way: each jar alone, and each model's largest shared part once.
        const live = new Map<string, { readonly model: string; readonly limit: number }>();
        const figure = (part: { floorBytes: number; workingSetBytes: number }) =>
          criterion === "floor" ? part.floorBytes : part.workingSetBytes;
        const expected = () => {
          let sum = 0;
          const loaded = new Set<string>();
          for (const { model, limit } of live.values()) {
            const print = MODELS[model];
            if (!print) throw new Error(model);
            sum += Math.max(limit, figure(print));
            if (shareWeights && loaded.has(model)) sum -= figure(print.shared);
            loaded.add(model);
          }
          return sum;
        };
        for (const step of steps) {
          const before = expected();
          if (step.kind === "allocate") {
            const print = MODELS[step.model];
            if (!print) throw new Error(step.model);
            const model = { path: step.model, footprint: print };
            const result = budget.allocate(step.id, step.limit, model);
            if (result.ok) {
              assertEquals(live.has(step.id), false);
              live.set(step.id, step);
              assertEquals(result.allocatedBytes, expected() - before);
            }
          } else if (step.kind === "deallocate") {
            const known = live.delete(step.id);
            const result = budget.deallocate(step.id);
            assertEquals([result.ok, result.givenBackBytes], [known, before - expected()]);
          } else {
            budget.markResident(step.id, step.bytes);
          }
          const report = budget.getAllocationReport();
          assertEquals(budget.reservedBytes, expected());
          assertEquals(budget.reservedBytes <= usable, true);
          assertEquals(report.allocatedBytes, expected());
          assertEquals(
            report.jars.reduce((sum, jar) => sum + jar.allocatedBytes, 0),
            report.allocatedBytes,
          );
          assertEquals(report.jars.map(({ id }) => id), [...live.keys()]);
          const unfilled = budget.unfilledBytes();
          assertEquals(unfilled >= 0 && unfilled <= budget.reservedBytes, true);
        }
        for (const id of live.keys()) budget.deallocate(id);
        assertEquals(budget.reservedBytes, 0);
        assertEquals(budget.unfilledBytes(), 0);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("manager: what only loading needs is reserved until the model is loaded", () => {
  const { shared } = footprint(6, 6, 4, 4);
  const jar = (loading: number): JarFootprint => ({
    floorBytes: gb(Math.max(6, loading)),
    workingSetBytes: gb(Math.max(6, loading)),
    shared,
    loading: { bytes: gb(loading), lastingBytes: gb(6), processBytes: 0 },
  });
  const policy = { criterion: "floor", allocationHeadroomBytes: 0 } as const;
  const budget = manager(machine(40, 20), policy);
  const model = { path: "/a.gguf", footprint: jar(9) };
  assertEquals(budget.allocate("subject", undefined, model).ok, true);
  assertEquals([budget.reservedBytes, budget.unfilledBytes()], [gb(9), gb(9)]);
  budget.markResident("subject", gb(5));
  // One of the six is still to come; the three of the load never are.
  assertEquals([budget.reservedBytes, budget.unfilledBytes()], [gb(9), gb(1)]);
  // A second jar on the loaded model adds its context, which isn't in memory yet.
  const second = { ...model, isLoaded: true, residentBytes: gb(4) };
  assertEquals(budget.allocate("god", undefined, second).ok, true);
  assertEquals(budget.unfilledBytes(), gb(3));
  assertEquals(budget.unfilledBytes("god"), gb(1));
  // One that loads a model of its own needs its own moment, beside what lasts.
  const other = { path: "/b.gguf", footprint: jar(9) };
  assertEquals(budget.allocate("observer", undefined, other).ok, true);
  assertEquals(budget.unfilledBytes("observer"), gb(3));
  assertEquals(budget.unfilledBytes(), gb(3 + 9));
});
