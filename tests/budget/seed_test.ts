import { assertEquals } from "@std/assert";
import { recommendLimits } from "../../src/budget/advice/limits.ts";
import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/budget/policy.ts";
import { checkAvailableMemoryBeforeLoad } from "../../src/budget/preflight.ts";
import { footprint, gb, jar, machine, matrix, SEED_TOTAL_GB, validate } from "./cases.ts";

// src/budget/README.md, "Where the seed is wrong": each row that the budget decides.

const SMALL = footprint(0, 1);

Deno.test("seed: its passing sample, 30.00 of 26.55 GB, fails by 3.45 GB", () => {
  const jars = matrix([8, 10, 12], { footprint: SMALL });
  const result = validate(jars, machine(SEED_TOTAL_GB));
  assertEquals(result.verdict, "fail");
  assertEquals(result.requiredBytes, gb(30));
  assertEquals(result.issues.map((issue) => ["limit" in issue && issue.limit, issue.code]), [
    ["usable", "over-reserved"],
  ]);
  assertEquals(((result.requiredBytes - result.usableBytes) / 1024 ** 3).toFixed(2), "3.45");
});

Deno.test("seed: the limits it recommends don't pass its own rule; brainjar's do", () => {
  const table: readonly (readonly [number, readonly number[]])[] = [
    [32, [8, 10, 12]],
    [64, [16, 20, 24]],
  ];
  for (const [total, limits] of table) {
    const jars = matrix(limits, { footprint: SMALL });
    assertEquals(validate(jars, machine(total)).ok, false, `${total} GB`);
    const result = recommendLimits({
      mode: "matrix",
      instances: jars,
      memory: machine(total),
      policy: DEFAULT_POLICY,
    });
    assertEquals(result.ok && result.validation.ok, true, `${total} GB`);
  }
});

Deno.test("seed: without a limit the footprint is required, so a small machine will do", () => {
  const result = validate(matrix([], { footprint: SMALL }), machine(8));
  assertEquals([result.ok, result.requiredBytes], [true, gb(3)]);
});

Deno.test("seed: jars on one model file share its weights, and both sums are there", () => {
  const model = { footprint: footprint(1, 3, 0, 2) };
  const { sumBytes, requiredBytes } = validate(matrix([], model), machine(16));
  assertEquals([sumBytes, requiredBytes], [gb(9), gb(5)]);
});

Deno.test("seed: an id allocated twice counts once, and the second time is refused", () => {
  const budget = new MemoryBudgetManager({
    policy: DEFAULT_POLICY,
    readMemory: () => machine(64),
  });
  const model = { path: "/a.gguf", footprint: SMALL };
  assertEquals(budget.allocate("god", gb(4), model).ok, true);
  assertEquals(budget.allocate("god", gb(4), model).ok, false);
  assertEquals(budget.reservedBytes, gb(4));
});

Deno.test("seed: one margin governs layer 1 and layer 2", () => {
  for (const [safetyMarginPercent, ok] of [[15, true], [20, true], [21, false]] as const) {
    const policy: Policy = { ...DEFAULT_POLICY, safetyMarginPercent };
    const layer1 = validate([jar("god", { limitGb: 16, footprint: SMALL })], machine(20), policy);
    const budget = new MemoryBudgetManager({ policy, readMemory: () => machine(20) });
    const layer2 = budget.allocate("god", gb(16), { path: "/a.gguf", footprint: SMALL });
    assertEquals([layer1.ok, layer2.ok], [ok, ok], `${safetyMarginPercent} %`);
  }
});

Deno.test("seed: the headrooms are 1.0 GB for an allocation and 2.0 GB for a load", () => {
  const allocate = (availableGb: number) =>
    new MemoryBudgetManager({
      policy: DEFAULT_POLICY,
      readMemory: () => machine(64, availableGb),
    }).allocate("god", undefined, { path: "/a.gguf", footprint: SMALL }).ok;
  assertEquals([allocate(2), allocate(1.99)], [true, false]);
  const load = (availableGb: number) =>
    checkAvailableMemoryBeforeLoad({
      footprint: SMALL,
      memory: machine(64, availableGb),
      policy: DEFAULT_POLICY,
    }).ok;
  assertEquals([load(3), load(2.99)], [true, false]);
});
