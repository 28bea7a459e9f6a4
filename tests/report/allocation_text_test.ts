import { assertEquals } from "@std/assert";
import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { allocationReportText, allocationText } from "../../src/report/allocation_text.ts";
import { footprint, gb, machine, SEED_TOTAL_GB } from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";

const model = { path: "/models/brain.gguf", footprint: footprint(1.2, 5.4, 0.6, 4.8) };

function manager(availableGb = 20): MemoryBudgetManager {
  return new MemoryBudgetManager({
    policy: DEFAULT_POLICY,
    readMemory: () => machine(SEED_TOTAL_GB, availableGb),
  });
}

Deno.test("allocation text: approved", async () => {
  const budget = manager();
  budget.allocate("subject", gb(8), model);
  await assertGolden(
    "allocation-approved",
    allocationText(budget.allocate("observer", gb(10), model)),
  );
});

Deno.test("allocation text: would exceed the budget", async () => {
  await assertGolden(
    "allocation-exceeds-budget",
    allocationText(manager().allocate("god", gb(30), model)),
  );
});

Deno.test("allocation text: insufficient available memory", async () => {
  await assertGolden(
    "allocation-insufficient-available",
    allocationText(manager(6).allocate("god", undefined, model)),
  );
});

Deno.test("allocation text: an id or a limit that isn't one", () => {
  const budget = manager();
  budget.allocate("god", undefined, model);
  const text = (id: string, limit: number) => allocationText(budget.allocate(id, limit, model));
  assertEquals(text("god", 1), "ALLOCATION FAILED: Instance 'god' is already allocated");
  assertEquals(text("", 1), "ALLOCATION FAILED: Instance id is empty");
  assertEquals(
    text("subject", 0),
    "ALLOCATION FAILED: RAM limit of 'subject' must be more than zero: '0'",
  );
  assertEquals(
    text("a\nb", NaN),
    "ALLOCATION FAILED: RAM limit of 'a\\u{a}b' must be more than zero: 'NaN'",
  );
});

Deno.test("allocation report: with jars, and with none", async () => {
  const budget = manager();
  await assertGolden("allocation-report-none", allocationReportText(budget.getAllocationReport()));
  budget.allocate("subject", gb(8), model);
  budget.allocate("observer", undefined, model);
  await assertGolden("allocation-report", allocationReportText(budget.getAllocationReport()));
});
