import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { leastAvailableBytes, totalBytesFor, usableBytes } from "../../src/budget/policy.ts";
import { BARE, machine, validate } from "./cases.ts";

const SEED = 20260214;

Deno.test("validate: the machine for a budget is the smallest that holds it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 45 }),
      fc.oneof(fc.integer({ min: 0, max: 99 }), fc.double({ min: 0, max: 99, noNaN: true })),
      (requiredBytes, safetyMarginPercent) => {
        const total = totalBytesFor(requiredBytes, { safetyMarginPercent });
        assertEquals(usableBytes(total, { safetyMarginPercent }) >= requiredBytes, true);
        assertEquals(usableBytes(total - 1, { safetyMarginPercent }) < requiredBytes, true);
      },
    ),
    {
      seed: SEED,
      numRuns: 1000,
      // Where dividing alone is a byte too few, or one too many.
      examples: [[6568352, 17.4], [118276264044, 8.4], [5586547383042, 46.88165737382451]],
    },
  );
});

const anyJar = fc.record({
  model: fc.constantFrom("/a.gguf", "/b.gguf"),
  limit: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
  parts: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 100 }))),
}).map(({ model, limit, parts: [sharedFloor = 0, ownFloor = 0, sharedFile = 0, ownFile = 0] }) => ({
  role: "subject" as const,
  model,
  ...(limit === undefined ? {} : { ramLimitBytes: limit }),
  footprint: {
    floorBytes: sharedFloor + ownFloor,
    workingSetBytes: sharedFloor + ownFloor + sharedFile + ownFile,
    shared: { floorBytes: sharedFloor, workingSetBytes: sharedFloor + sharedFile },
  },
}));

const anyInput = fc.record({
  jars: fc.array(anyJar, { maxLength: 6 }),
  total: fc.integer({ min: 1, max: 3000 }),
  available: fc.integer({ min: 0, max: 3000 }),
  policy: fc.record({
    safetyMarginPercent: fc.integer({ min: 0, max: 99 }),
    criterion: fc.constantFrom("working-set" as const, "floor" as const),
    shareWeights: fc.boolean(),
  }),
});

function validateAny(input: typeof anyInput extends fc.Arbitrary<infer T> ? T : never) {
  const { jars, total, available, policy } = input;
  const instances = jars.map((demand, index) => ({ id: `jar${index}`, ...demand }));
  const memory = { ...machine(1), totalBytes: total, availableBytes: available };
  return validate(instances, memory, { ...BARE, ...policy });
}

Deno.test("validate: the figures add up, whatever the jars", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const result = validateAny(input);
      const { instances, requiredBytes, issues } = result;
      const sum = instances.reduce((total, instance) => total + instance.requiredBytes, 0);
      assertEquals(result.sumBytes, sum);
      assertEquals(requiredBytes, sum - result.sharedWeightBytes);
      const fits = requiredBytes <= Math.min(result.usableBytes, input.available);
      assertEquals(fits, issues.every((issue) => !("limit" in issue)));
      const holds = instances.every((one) => (one.ramLimitBytes ?? Infinity) >= one.footprintBytes);
      assertEquals(holds, issues.every(({ code }) => code !== "over-limit"));
      const left = input.available - result.floorBytes;
      const kept = instances.length === 0 || left >= leastAvailableBytes(input.total);
      if (fits) assertEquals(kept, issues.every(({ code }) => code !== "available-memory"));
      assertEquals(result.ok, fits && holds && kept);
      assertEquals(result.ok, issues.length === 0);
      assertEquals(result.verdict, result.ok ? "pass" : "fail");
      assertEquals(result.floorBytes <= result.workingSetBytes, true);
      assertEquals(requiredBytes >= result.floorBytes, true);
      if (input.policy.criterion === "working-set") {
        assertEquals(requiredBytes >= result.workingSetBytes, true);
      }
      if (result.ok) assertEquals(result.marginBytes >= 0, true);
      for (const issue of issues) {
        if (!("limit" in issue)) continue;
        assertEquals(issue.excessBytes > 0, true);
        assertEquals(issue.limitBytes + issue.excessBytes, requiredBytes);
      }
      // Each model's weights are counted at least once.
      for (const instance of instances) {
        assertEquals(instance.sharedBytes <= instance.requiredBytes, true);
        assertEquals(requiredBytes >= instance.requiredBytes, true);
      }
      if (!input.policy.shareWeights) assertEquals(result.sharedWeightBytes, 0);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

Deno.test("validate: the order of the jars changes no sum and no verdict", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const one = validateAny(input);
      const other = validateAny({ ...input, jars: input.jars.toReversed() });
      assertEquals(one.requiredBytes, other.requiredBytes);
      assertEquals(one.sharedWeightBytes, other.sharedWeightBytes);
      const about = ({ issues }: typeof one) => issues.filter(({ code }) => code !== "over-limit");
      assertEquals(about(one), about(other));
      assertEquals(one.issues.length, other.issues.length);
    }),
    { seed: SEED },
  );
});

Deno.test("validate: more memory never turns a pass into a failure", () => {
  fc.assert(
    fc.property(anyInput, fc.nat(100), fc.nat(100), (input, total, available) => {
      if (!validateAny(input).ok) return;
      const larger = {
        ...input,
        total: input.total + total,
        available: input.available + available,
      };
      assertEquals(validateAny(larger).ok, true);
    }),
    { seed: SEED },
  );
});
