import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { recommendLimits, roundLimit, withLimits } from "../../src/budget/advice/limits.ts";
import type { LimitsResult } from "../../src/budget/advice/limits.ts";
import { DEFAULT_POLICY, type Policy, usableBytes } from "../../src/budget/policy.ts";
import { GB, MB, parseSize } from "../../src/budget/size.ts";
import type { InstanceDemand } from "../../src/budget/demand.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import { waterFill } from "../../src/budget/advice/water_fill.ts";
import { footprint, gb, jar, machine, matrix, validate } from "./cases.ts";

const SEED = 20260214;
const NOTHING = footprint(0, 0);

function limits(
  instances: readonly InstanceDemand[],
  memory: MachineMemory,
  policy: Partial<Policy> = {},
): LimitsResult {
  const whole = { ...DEFAULT_POLICY, ...policy };
  return recommendLimits({ mode: "matrix", instances, memory, policy: whole });
}

function texts(result: LimitsResult): string[] {
  return result.ok ? result.limits.map(({ role, text }) => `${role} ${text}`) : [];
}

Deno.test("limits: the seed's proportions where there is room", () => {
  const table: readonly (readonly [number, string[]])[] = [
    [16, ["subject 3.6", "observer 4.5", "god 5.4"]],
    [32, ["subject 7.2", "observer 9.0", "god 10.8"]],
    [64, ["subject 14.5", "observer 18.1", "god 21.7"]],
  ];
  for (const [total, expected] of table) {
    const result = limits(matrix([], { footprint: NOTHING }), machine(total));
    assertEquals(texts(result), expected);
    assertEquals(result.validation.ok, true);
  }
  assertEquals(texts(limits([jar("subject", { footprint: NOTHING })], machine(16))), [
    "subject 13.6",
  ]);
  const peers = ["peer_a", "peer_b"].map((id) => jar(id, { footprint: NOTHING }));
  assertEquals(texts(limits(peers, machine(16))), ["subject 6.8"]);
});

Deno.test("limits: none below its footprint, the others share the rest", () => {
  const jars = [
    jar("subject", { footprint: footprint(1, 12.03), model: "/large.gguf" }),
    jar("observer", { footprint: NOTHING }),
    jar("god", { footprint: NOTHING }),
  ];
  assertEquals(texts(limits(jars, machine(32))), [
    // 12.0 would be below it; one unit for all.
    "subject 12.1",
    "observer 6.8",
    "god 8.2",
  ]);
});

Deno.test("limits: shared weights leave room for larger limits", () => {
  const model = { footprint: footprint(2, 3, 1, 2) };
  const shared = limits(matrix([], model), machine(16));
  const separate = limits(matrix([], model), machine(16), { shareWeights: false });
  assertEquals(texts(separate), ["subject 3.6", "observer 4.5", "god 5.4"]);
  // 4 GB of weights are counted once: 17.6 instead of 13.6 GB.
  assertEquals(texts(shared), ["subject 4.6", "observer 5.8", "god 7.0"]);
});

Deno.test("limits: layers 2 and 3 keep their headroom", () => {
  assertEquals(texts(limits([jar("subject", { footprint: NOTHING })], machine(16, 6))), [
    "subject 4.0",
  ]);
  const without = limits([jar("subject", { footprint: NOTHING })], machine(16, 6), {
    loadHeadroomBytes: 0,
    allocationHeadroomBytes: 0,
  });
  assertEquals(texts(without), ["subject 6.0"]);
});

Deno.test("limits: where the footprints don't fit, what would hold them", () => {
  const result = limits(matrix([], { footprint: footprint(1, 17) }), machine(32, 30));
  assertEquals(result.ok, false);
  if (result.ok) return;
  assertEquals(result.neededTotalBytes, gb(60));
  assertEquals(result.neededAvailableBytes, gb(53));
  assertEquals(result.validation.ok, false);
});

Deno.test("limits: footprints that take all there is are their own limits, in a finer unit", () => {
  const jars = [jar("subject", { footprint: footprint(1, 3.99999) })];
  assertEquals(texts(limits(jars, machine(16, 5.99999))), [`subject ${gb(3.99999)}B`]);
  assertEquals(texts(limits(jars, machine(16, 5.999995))), ["subject 4194298KB"]);
});

Deno.test("limits: none larger than what its jars can use, the others share the rest", () => {
  const most = (entries: readonly (readonly [string, number])[]) =>
    recommendLimits({
      mode: "matrix",
      instances: matrix([], { footprint: NOTHING }),
      memory: machine(32),
      policy: DEFAULT_POLICY,
      mostBytes: new Map(entries.map(([id, most]) => [id, gb(most)])),
    });
  assertEquals(texts(most([["god", 3.14]])), ["subject 10.6", "observer 13.3", "god 3.2"]);
  assertEquals(texts(most([["subject", 1.5], ["observer", 1.5], ["god", 0.5]])), [
    "subject 1536MB",
    "observer 1536MB",
    "god 512MB",
  ]);
});

Deno.test("limits: the same split whatever the size of the machine", () => {
  const footprint = {
    floorBytes: 80 * MB,
    workingSetBytes: 90 * MB,
    shared: { floorBytes: 60 * MB, workingSetBytes: 70 * MB },
    loading: { bytes: 90 * MB, lastingBytes: 80 * MB, processBytes: 50 * MB },
  };
  for (let total = 4; total <= 128; total += 0.5) {
    const result = limits(matrix([], { footprint }), machine(total));
    assertEquals(result.ok && result.limits.length, 3, `${total} GB`);
    const [subject = 0, observer = 0, god = 0] = result.ok
      ? result.limits.map(({ bytes }) => bytes)
      : [];
    // 8 : 10 : 12, as far as each is rounded down to a tenth.
    assertEquals(Math.abs(subject / 8 - observer / 10) <= 0.1 * GB / 8, true, `${total} GB`);
    assertEquals(Math.abs(observer / 10 - god / 12) <= 0.1 * GB / 10, true, `${total} GB`);
  }
});

Deno.test("limits: jars that pass and leave no room for limits get none", () => {
  const footprint = {
    floorBytes: 100 * MB,
    workingSetBytes: 100 * MB,
    shared: { floorBytes: 60 * MB, workingSetBytes: 60 * MB },
    loading: { bytes: 100 * MB, lastingBytes: 70 * MB, processBytes: 50 * MB },
  };
  // 90 MB last, and 30 more while one is loaded; whole limits would be 200 MB.
  const jars = ["a", "b"].map((id) => jar(id, { model: id, footprint }));
  const bare = { loadHeadroomBytes: 0, allocationHeadroomBytes: 0, safetyMarginPercent: 0 };
  const result = limits(jars, machine(150 / 1024), bare);
  assertEquals([result.ok, texts(result)], [true, []]);
});

Deno.test("limits: RAM limits that were there are left aside", () => {
  const jars = matrix([99, 99, 99], { footprint: NOTHING });
  assertEquals(limits(jars, machine(32)).ok, true);
});

Deno.test("limits: rounded as a person would write them", () => {
  const table: readonly (readonly [number, number, string | undefined])[] = [
    [gb(9.19), 0, "9.1"],
    [gb(9.1), 0, "9.1"],
    [gb(9.1) - 1, 0, "9.0"],
    [Math.floor(gb(16) * 0.85), 0, "13.6"],
    [gb(1), 0, "1.0"],
    [gb(1) - 1, 0, "1023MB"],
    [95.5 * MB, 0, "95MB"],
    [95.5 * MB, 95.2 * MB, "96MB"],
    [gb(9.19), gb(9.15), "9410MB"],
    [1000, 0, undefined],
    [0, 0, undefined],
    [-gb(1), 0, undefined],
  ];
  for (const [bytes, minimum, text] of table) {
    const limit = roundLimit("god", bytes, minimum);
    assertEquals(limit?.text, text);
    if (limit) assertEquals(limit.bytes, parseSize(limit.text));
  }
});

Deno.test("limits: what is recommended passes all three layers, whatever the machine", () => {
  const anyFootprint = fc.tuple(
    fc.integer({ min: 0, max: 12 * GB }),
    fc.integer({ min: 0, max: 12 * GB }),
  ).map(([shared, own]) => ({
    floorBytes: shared,
    workingSetBytes: shared + own,
    shared: { floorBytes: 0, workingSetBytes: shared },
  }));
  fc.assert(
    fc.property(
      fc.array(anyFootprint, { minLength: 3, maxLength: 3 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 64 * GB }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 50 }),
      fc.constantFrom(0, 0.1 * GB, 2 * GB),
      (footprints, same, totalBytes, availablePercent, safetyMarginPercent, headroom) => {
        const instances = matrix().map((demand, index) => ({
          ...demand,
          model: same ? "/one.gguf" : demand.id,
          footprint: footprints[same ? 0 : index] ?? NOTHING,
        }));
        const availableBytes = Math.floor(totalBytes * availablePercent / 100);
        const memory = { ...machine(1), totalBytes, availableBytes };
        const policy = {
          ...DEFAULT_POLICY,
          safetyMarginPercent,
          loadHeadroomBytes: headroom,
          allocationHeadroomBytes: headroom / 2,
        };
        const result = recommendLimits({ mode: "matrix", instances, memory, policy });
        if (result.ok) {
          const again = validate(withLimits(instances, result.limits), memory, policy);
          assertEquals(again.ok, true);
          assertEquals(again.requiredBytes + policy.loadHeadroomBytes <= availableBytes, true);
        } else {
          const larger = {
            ...memory,
            totalBytes: result.neededTotalBytes,
            availableBytes: result.neededAvailableBytes,
          };
          const needed = result.validation.requiredBytes;
          if (needed > 0) assertEquals(validate(instances, larger, policy).ok, true);
          assertEquals(usableBytes(result.neededTotalBytes, policy) >= needed, true);
          assertEquals(result.neededAvailableBytes <= result.neededTotalBytes, true);
          // Nothing is refused that there was room for.
          const room = Math.min(
            usableBytes(totalBytes, policy),
            availableBytes - policy.loadHeadroomBytes,
          );
          const watched = result.validation.issues.some(({ code }) => code === "available-memory");
          assertEquals(needed > room || watched, true);
        }
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("limits: water is shared out whole, in proportion, and none gets less than its least", () => {
  const anyShare = fc.record({
    weight: fc.integer({ min: 1, max: 20 }),
    minimum: fc.integer({ min: 0, max: 100 }),
    count: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyShare, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 2000 }),
      (shares, amount) => {
        const filled = waterFill(shares, amount);
        const least = shares.reduce((sum, { minimum, count }) => sum + minimum * count, 0);
        assertEquals(filled === undefined, least > amount);
        if (!filled) return;
        const total = shares.reduce((sum, { count }, at) => sum + count * (filled[at] ?? 0), 0);
        assertEquals(Math.abs(total - amount) < 1e-6, true);
        // Whoever is above its least stands at one level with all the others that are.
        const levels = shares.flatMap(({ weight, minimum }, at) => {
          const got = filled[at] ?? 0;
          assertEquals(got >= minimum, true);
          return got > minimum ? [got / weight] : [];
        });
        assertEquals(levels.every((level) => Math.abs(level - (levels[0] ?? 0)) < 1e-6), true);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});
