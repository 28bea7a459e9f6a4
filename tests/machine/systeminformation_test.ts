import { assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { readReportedMemory } from "../../src/machine/systeminformation.ts";

const report = (total: number, available: number, swaptotal = 0, swapfree = 0) => () =>
  Promise.resolve({ total, available, swaptotal, swapfree });

Deno.test("other systems: what systeminformation reports, swap only told", async () => {
  const memory = await readReportedMemory(report(1000, 600, 50, 40));
  assertEquals([memory.totalBytes, memory.availableBytes], [1000, 600]);
  assertEquals(memory.swap, { totalBytes: 50, freeBytes: 40 });
  assertEquals(memory.sources.map((source) => source.decides), [true, true]);
});

Deno.test("other systems: no more is available than there is", async () => {
  assertEquals((await readReportedMemory(report(1000, 2000))).availableBytes, 1000);
});

const FAILURES: readonly [what: string, report: Parameters<typeof readReportedMemory>[0]][] = [
  ["a total of zero", report(0, 0)],
  ["a total that is no number", report(NaN, 5)],
  ["a negative available", report(5, -1)],
  ["a failure", () => Promise.reject(new Error("spawn failed"))],
];
for (const [what, failing] of FAILURES) {
  Deno.test(`other systems: ${what} is an error`, async () => {
    const error = await assertRejects(() => readReportedMemory(failing), BrainjarError);
    assertEquals((error as BrainjarError).code, "machine-unreadable");
  });
}

Deno.test("other systems: the real systeminformation answers in this shape", async () => {
  const memory = await readReportedMemory();
  assertEquals(memory.totalBytes > 0 && memory.availableBytes > 0, true);
});
