import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { addedBytes } from "../../src/budget/required.ts";
import type { Issue } from "../../src/budget/validation.ts";
import { issueMessage } from "../../src/report/message.ts";
import { BARE, device, gb, jar, machine, offloaded, onCard, SMALL, validate } from "./cases.ts";

const SEED = 20261127;

const card = (totalGb: number, availableGb = totalGb) =>
  machine(64, 60, { devices: [device("cuda:0", totalGb, availableGb)] });

const needing = (id: string, allGb: number, model = id) =>
  jar(id, { model, footprint: offloaded(onCard("cuda:0", allGb, allGb / 2, 0.5)) });

const codes = (issues: readonly Issue[]) => issues.map(({ code }) => code);

Deno.test("devices: rules 1 and 2 hold there, and the sentences name the device", () => {
  const { issues, ok } = validate([needing("subject", 30)], card(24, 22));
  assertEquals(ok, false);
  assertEquals(issues.map(issueMessage), [
    "Total requirements on cuda:0 (30.00 GB) exceed safe threshold (20.40 GB) by 9.60 GB",
    "Total requirements on cuda:0 (30.00 GB) exceed currently available memory (22.00 GB) by 8.00 GB",
  ]);
  assertEquals(codes(issues), ["device-memory", "device-memory"]);
  const { issues: [full] } = validate([needing("subject", 10)], card(24, 9));
  assertEquals(
    full && issueMessage(full),
    "Total requirements on cuda:0 (10.00 GB) exceed currently available memory (9.00 GB) by 1.00 GB",
  );
  assertEquals(validate([needing("subject", 10)], card(24, 11)).issues, []);
});

Deno.test("devices: exactly the safe threshold passes, a byte more doesn't; the watch keeps 64 MB", () => {
  const needs = (bytes: number) =>
    jar("subject", {
      footprint: offloaded({ id: "cuda:0", bytes, sharedBytes: 0, processBytes: 0 }),
    });
  const { usableBytes = 0 } = validate([], card(24)).pools[1] ?? {};
  assertEquals(validate([needs(usableBytes)], card(24)).ok, true);
  assertEquals(codes(validate([needs(usableBytes + 1)], card(24)).issues), ["device-memory"]);
  assertEquals(validate([needs(gb(9) - 64 * MB)], card(24, 9)).ok, true);
  const { issues: [watched] } = validate([needs(gb(9) - 64 * MB + 1)], card(24, 9));
  assertEquals(watched?.code === "available-memory" && watched.pool, "cuda:0");
  assertEquals(
    watched && issueMessage(watched),
    "Only 64.00 MB would stay available on cuda:0 beside the jars, less than the 64.00 MB that are kept free",
  );
  // There is no headroom on a device: nothing but the sum was in the way.
  assertEquals(codes(validate([needs(gb(9) + 1)], card(24, 9)).issues), ["device-memory"]);
});

Deno.test("devices: weights count once for a model, and the process's part once for all", () => {
  const two = [needing("subject", 10, "a"), needing("observer", 10, "a")];
  const pools = (policy = {}) => validate(two, card(80), policy).pools[1];
  assertEquals(pools()?.requiredBytes, gb(15));
  assertEquals(pools({ shareWeights: false })?.requiredBytes, gb(19.5));
  assertEquals(pools()?.sumBytes, gb(20));
  const others = [needing("subject", 10, "a"), needing("god", 8, "b")];
  assertEquals(validate(others, card(80)).pools[1]?.requiredBytes, gb(17.5));
  // A RAM limit is none of a device's, and a jar without anything there changes nothing.
  const limited = [{ ...needing("subject", 10, "a"), ramLimitBytes: gb(40) }, jar("god")];
  assertEquals(validate(limited, card(80)).pools[1]?.requiredBytes, gb(10));
  assertEquals(
    validate(limited, card(80)).instances.map(({ pools }) => pools.map(({ id }) => id)),
    [["ram", "cuda:0"], ["ram"]],
  );
});

Deno.test("devices: one that isn't there is never a pass", () => {
  const jars = [needing("subject", 1), needing("god", 1)];
  const { issues } = validate(jars, machine(64));
  assertEquals(codes(issues), ["no-such-device"]);
  assertEquals(
    issues.map(issueMessage),
    ["Instances 'subject' and 'god' need 1.50 GB on cuda:0, which this machine does not have"],
  );
  const other = machine(64, 60, { devices: [device("cuda:1", 80)] });
  assertEquals(codes(validate(jars, other).issues), ["no-such-device"]);
});

Deno.test("devices: each pool decides for itself, RAM as ever", () => {
  const memory = machine(64, 60, { devices: [device("cuda:0", 24), device("cuda:1", 8)] });
  const split = (one: number, other: number) =>
    jar("subject", { footprint: offloaded(onCard("cuda:0", one), onCard("cuda:1", other)) });
  assertEquals(validate([split(12, 6)], memory).ok, true);
  const { issues } = validate([split(12, 7)], memory);
  assertEquals(issues.map((issue) => "pool" in issue && issue.pool), ["cuda:1"]);
  const short = validate([split(12, 6)], { ...memory, totalBytes: gb(2) });
  assertEquals(codes(short.issues), ["would-thrash"]);
});

Deno.test("devices: warnings name the device, and only those that jars need", () => {
  const memory = machine(64, 60, {
    devices: [device("cuda:0", 24, 2), device("cuda:1", 24, 2), device("cuda:2", 4)],
  });
  const footprint = offloaded(onCard("cuda:0", 1), onCard("cuda:2", 2));
  const { warnings, ok } = validate([jar("subject", { footprint })], memory, BARE);
  assertEquals(ok, true);
  assertEquals(warnings.map(({ code, ...one }) => [code, "pool" in one && one.pool]), [
    ["large-instance", "cuda:2"],
    ["low-available", "cuda:0"],
  ]);
});

Deno.test("devices: figures that aren't any are errors", () => {
  const wrong = [
    { bytes: NaN },
    { bytes: Infinity },
    { sharedBytes: 9 },
    { processBytes: 4 },
    { processBytes: -1 },
    { thinkingBytes: 9 },
    { id: "ram" },
  ];
  const sane = { id: "cuda:0", bytes: 8, sharedBytes: 3, processBytes: 1 };
  for (const more of wrong) {
    const footprint = { ...SMALL, devices: [{ ...sane, ...more }] };
    const error = assertThrows(
      () => validate([jar("god", { footprint })], card(24)),
      BrainjarError,
    );
    assertEquals(error.code, "invalid-footprint");
  }
  const twice = { ...SMALL, devices: [sane, sane] };
  assertThrows(() => validate([jar("god", { footprint: twice })], card(24)), BrainjarError);
  for (const more of [{ totalBytes: 0 }, { totalBytes: NaN }, { availableBytes: NaN }]) {
    const memory = machine(64, 60, { devices: [device("cuda:0", 24, 24, more)] });
    const error = assertThrows(() => validate([], memory), BrainjarError);
    assertEquals([error.code, error.message.includes("cuda:0")], ["invalid-memory", true]);
  }
});

const anyNeed = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)).map(([own, weights, process]) => ({
  bytes: own + weights + process,
  sharedBytes: weights + process,
  processBytes: process,
}));

const anyJars = fc.array(
  fc.record({
    model: fc.constantFrom("/a.gguf", "/b.gguf", "/c.gguf"),
    needs: fc.subarray(["cuda:0", "cuda:1"]).chain((ids) =>
      fc.tuple(...ids.map((id) => anyNeed.map((need) => ({ id, ...need }))))
    ),
  }).map(({ model, needs }) => ({ model, footprint: offloaded(...needs) })),
  { maxLength: 6 },
);

Deno.test("devices: a sum is the same in any order, and no jar adds less than nothing", () => {
  fc.assert(
    fc.property(
      anyJars.chain((jars) =>
        fc.record({
          jars: fc.constant(jars),
          other: fc.shuffledSubarray(jars, { minLength: jars.length }),
          shareWeights: fc.boolean(),
        })
      ),
      ({ jars, other, shareWeights }) => {
        const policy = { criterion: "working-set", shareWeights } as const;
        for (const pool of ["cuda:0", "cuda:1"]) {
          const added = addedBytes(jars, policy, pool);
          assertEquals(added.every((bytes) => bytes >= 0), true);
          const total = (bytes: readonly number[]) => bytes.reduce((sum, one) => sum + one, 0);
          assertEquals(total(added), total(addedBytes(other, policy, pool)));
          const needs = jars.map(({ footprint }) =>
            footprint.devices?.find(({ id }) => id === pool)?.bytes ?? 0
          );
          assertEquals(total(added) <= total(needs), true);
          assertEquals(total(added) >= Math.max(0, ...needs), true);
        }
      },
    ),
    { seed: SEED, numRuns: 1000 },
  );
});

/** A machine that has exactly this on its devices, and RAM enough. */
function cards(...availableBytes: readonly number[]) {
  const devices = availableBytes.map((bytes, index) =>
    device(`cuda:${index}`, 0, 0, { totalBytes: 1000, availableBytes: Math.min(1000, bytes) })
  );
  return machine(64, 60, { devices });
}

const anyCards = fc.tuple(fc.nat(1000), fc.nat(1000));

Deno.test("devices: what passes layer 1 is admitted by layers 2 and 3, and what doesn't is refused", () => {
  fc.assert(
    fc.property(anyJars, anyCards, fc.boolean(), (jars, available, shareWeights) => {
      const memory = cards(...available);
      const demands = jars.map((one, index) => ({ ...jar(`jar${index}`), ...one }));
      const policy = { ...DEFAULT_POLICY, ...BARE, shareWeights };
      const { issues } = validate(demands, memory, policy);
      const budget = new MemoryBudgetManager({ policy, readMemory: () => memory });
      const admitted = demands.every(({ id, model, footprint }) => {
        const isIn = budget.allocate(id, undefined, { path: model, footprint }).ok &&
          budget.checkBeforeLoad(id)?.ok === true;
        return isIn;
      });
      // What the watch keeps free is beyond layers 2 and 3.
      assertEquals(issues.every(({ code }) => code === "available-memory"), admitted);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

Deno.test("devices: reservations there are those of the live jars, and end at zero", () => {
  const step = fc.record({
    kind: fc.constantFrom("in", "out", "loaded", "held"),
    id: fc.constantFrom("a", "b", "c", "d"),
    bytes: fc.nat(300),
  });
  fc.assert(
    fc.property(
      fc.array(fc.record({ step, jar: anyJars.filter((jars) => jars.length > 0) }), {
        maxLength: 25,
      }),
      anyCards,
      fc.boolean(),
      (steps, available, shareWeights) => {
        const policy = { ...DEFAULT_POLICY, ...BARE, shareWeights };
        const budget = new MemoryBudgetManager({ policy, readMemory: () => cards(...available) });
        const live = new Map<string, (typeof steps)[number]["jar"][number]>();
        const check = () => {
          for (const pool of ["ram", "cuda:0", "cuda:1"]) {
            const all = addedBytes([...live.values()], policy, pool)
              .reduce((sum, one) => sum + one, 0);
            const found = budget.reserved.find(({ id }) => id === pool)?.bytes ?? 0;
            assertEquals(found, all, pool);
            const unfilled = budget.unfilledBytes(undefined, pool);
            assertEquals(unfilled >= 0 && unfilled <= all, true, `${pool} ${unfilled} of ${all}`);
          }
        };
        for (const { step: { kind, id, bytes }, jar: [one] } of steps) {
          if (one === undefined) continue;
          if (kind === "in") {
            const { model: path, footprint } = one;
            const before = budget.reserved;
            const result = budget.allocate(id, undefined, { path, footprint });
            if (result.ok) live.set(id, one);
            else assertEquals(budget.reserved, before);
          } else if (kind === "out") {
            const result = budget.deallocate(id);
            assertEquals(result.ok, live.delete(id));
          } else if (kind === "loaded") budget.markOnDevices(id, [{ id: "cuda:0", bytes }]);
          else budget.markHeldOn([{ id: "cuda:1", bytes }]);
          check();
        }
        for (const id of live.keys()) budget.deallocate(id);
        assertEquals(budget.reserved, [{ id: "ram", bytes: 0 }]);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});
