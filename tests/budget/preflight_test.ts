import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { checkAvailableMemoryBeforeLoad } from "../../src/budget/preflight.ts";
import type { PreflightInput } from "../../src/budget/preflight.ts";
import { footprint, gb, machine } from "./cases.ts";

function check(availableGb: number, more: Partial<PreflightInput> = {}) {
  return checkAvailableMemoryBeforeLoad({
    footprint: footprint(3, 4),
    memory: machine(16, availableGb),
    policy: DEFAULT_POLICY,
    ...more,
  });
}

Deno.test("preflight: available < required + 2.0 GB is refused, equal is not", () => {
  assertEquals(check(6).ok, true);
  const refused = check(5.5);
  assertEquals(refused.level, "refused");
  assertEquals(refused.ok, false);
  assertEquals(refused.requiredBytes, gb(4));
  assertEquals(refused.neededBytes, gb(6));
  assertEquals(refused.shortBytes, gb(0.5));
  const byteShort = check(6, { memory: { ...machine(16), availableBytes: gb(6) - 1 } });
  assertEquals([byteShort.level, byteShort.shortBytes], ["refused", 1]);
});

Deno.test("preflight: the RAM limit where it is larger, the floor where the policy says so", () => {
  assertEquals(check(16, { ramLimitBytes: gb(8) }).requiredBytes, gb(8));
  assertEquals(check(16, { ramLimitBytes: gb(1) }).requiredBytes, gb(4));
  const policy = { ...DEFAULT_POLICY, criterion: "floor" as const, loadHeadroomBytes: 0 };
  assertEquals(check(3, { policy }).neededBytes, gb(3));
  assertEquals(check(3, { policy }).ok, true);
});

Deno.test("preflight: over 75 % in use warns, and is allowed", () => {
  const policy = { ...DEFAULT_POLICY, loadHeadroomBytes: 0 };
  const at = (availableGb: number) => check(availableGb, { policy, footprint: footprint(0, 1) });
  assertEquals([at(4).level, at(4).usedPercent], ["ok", 75]);
  assertEquals([at(3.9).level, at(3.9).ok], ["warning", true]);
  assertEquals(at(0.9).level, "refused");
});

Deno.test("preflight: what is reserved and not resident isn't in use", () => {
  const policy = { ...DEFAULT_POLICY, loadHeadroomBytes: 0 };
  const memory = machine(16, 3, { reservedBytes: gb(2) });
  assertEquals(check(0, { policy, memory, footprint: footprint(0, 1) }).level, "ok");
});

Deno.test("preflight: what is already resident is not required again", () => {
  assertEquals(check(4, { alreadyResidentBytes: gb(2) }).ok, true);
  assertEquals(check(4, { alreadyResidentBytes: gb(1.9) }).ok, false);
  assertEquals(check(4, { alreadyResidentBytes: gb(99) }).requiredBytes, 0);
});

Deno.test("preflight: what other jars reserved isn't available", () => {
  assertEquals(check(7, { unfilledBytes: gb(1) }).availableBytes, gb(6));
  assertEquals(check(7, { unfilledBytes: gb(1) }).ok, true);
  assertEquals(check(7, { unfilledBytes: gb(1.1) }).ok, false);
});

Deno.test("preflight: what isn't a limit or a footprint is an error, never a pass", () => {
  for (const ramLimitBytes of [0, -1, NaN, Infinity]) {
    assertThrows(() => check(16, { ramLimitBytes }), BrainjarError);
  }
  assertThrows(() => check(16, { footprint: footprint(NaN, NaN) }), BrainjarError);
  assertEquals(check(NaN).level, "refused");
});
