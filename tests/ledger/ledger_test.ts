import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import {
  type Ledger,
  type LedgerEntry,
  promisedToOthers,
  promisedToSelf,
  pruneLedger,
  sumPromises,
  withPromise,
} from "../../src/ledger/ledger.ts";
import { decodeLedger, encodeLedger } from "../../src/ledger/ledger_text.ts";
import { linuxProcesses, parseProcessState } from "../../src/machine/processes.ts";
import { fakeFiles } from "../machine/fake_files.ts";
import { type FakeProcesses, fakeProcesses } from "../machine/fake_processes.ts";

const SEED = 20260215;
const EMPTY: Ledger = { bootId: "boot", entries: [] };
const hold = (expiresAt: number, durationMilliseconds: number): LedgerEntry => ({
  kind: "hold",
  token: "t",
  promisedBytes: 100,
  expiresAt,
  durationMilliseconds,
});

function promised(
  processes: FakeProcesses,
  ...ids: readonly (readonly [number, string])[]
): Ledger {
  return ids.reduce(
    (ledger, [processId, id]) => withPromise(ledger, { id, processId, bytes: 100 }, processes),
    EMPTY,
  );
}

Deno.test("ledger: others' promises count until they are resident, own ones don't", () => {
  const processes = fakeProcesses();
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 });
  const ledger = promised(processes, [1, "subject"], [2, "subject"], [2, "god"]);
  const unfilled = () => promisedToOthers(sumPromises(ledger.entries, processes), 1);
  assertEquals(unfilled(), 200);
  // What it held before its first promise fills nothing.
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 + 150 });
  assertEquals(unfilled(), 50);
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 + 500 });
  assertEquals(unfilled(), 0);
  processes.running.set(2, { startTime: "20", anonymousBytes: 0 });
  assertEquals(unfilled(), 200);
  assertEquals(promisedToSelf(sumPromises(ledger.entries, processes), 1), 100);
});

Deno.test("ledger: the same id again replaces the promise and keeps the baseline", () => {
  const processes = fakeProcesses();
  const first = promised(processes, [1, "subject"], [1, "god"]);
  processes.running.set(1, { startTime: "10", anonymousBytes: 80 });
  const again = withPromise(first, { id: "subject", processId: 1, bytes: 40 }, processes);
  const [sum] = sumPromises(again.entries, processes);
  assertEquals([sum?.promisedBytes, sum?.residentBytes, sum?.unfilledBytes], [140, 80, 60]);
});

Deno.test("ledger: entries of the dead go, whoever has their number now", () => {
  const processes = fakeProcesses();
  processes.running.set(2, { startTime: "20" });
  processes.running.set(3, { startTime: "30" });
  const ledger = promised(processes, [1, "a"], [2, "b"], [3, "c"]);
  processes.running.delete(2);
  processes.running.set(3, { startTime: "31" });
  const left = pruneLedger(ledger, processes).entries;
  assertEquals(left.map((entry) => entry.kind === "process" && entry.id), ["a"]);
});

Deno.test("ledger: nothing survives a boot, and an unknown boot proves nothing", () => {
  const ledger = promised(fakeProcesses(), [1, "a"]);
  assertEquals(pruneLedger(ledger, fakeProcesses({ bootId: "next" })).entries, []);
  assertEquals(pruneLedger(ledger, fakeProcesses({ bootId: "" })).entries.length, 1);
});

Deno.test("ledger: a process that can't be looked at keeps what it said it filled", () => {
  const processes = fakeProcesses({ unknown: new Set([2]) });
  const ledger = promised(processes, [2, "a"]);
  const said = { ...ledger, entries: ledger.entries.map((one) => ({ ...one, residentBytes: 60 })) };
  const left = pruneLedger(said, processes);
  assertEquals(promisedToOthers(sumPromises(left.entries, processes), 1), 40);
});

Deno.test("ledger: another container's entries count while they are kept up", () => {
  const ledger = promised(fakeProcesses(), [1, "a"]);
  const elsewhere = fakeProcesses({ namespace: "pid:[2]" });
  const sums = () => sumPromises(pruneLedger(ledger, elsewhere).entries, elsewhere);
  // Its process 1 is not this one: the promise is another's.
  elsewhere.running.set(1, { startTime: "10", anonymousBytes: 10 ** 9 });
  assertEquals(sums().map((sum) => sum.unfilledBytes), [100]);
  elsewhere.clock += 10 * 60 * 1000 + 1;
  assertEquals(sums(), []);
});

Deno.test("ledger: a hold ends on time, and a clock that jumps can't prolong it", () => {
  const processes = fakeProcesses();
  const at = (entry: LedgerEntry) => pruneLedger({ ...EMPTY, entries: [entry] }, processes).entries;
  const later = processes.clock + 5000;
  assertEquals(at(hold(later, 5000)), [hold(later, 5000)]);
  processes.clock = later - 1;
  assertEquals(at(hold(later, 5000)).length, 1);
  processes.clock = later;
  assertEquals(at(hold(later, 5000)), []);
  // The clock stands an hour before the moment at which the hold was made.
  processes.clock = later - 3_600_000;
  assertEquals(at(hold(later, 5000)), [hold(processes.clock + 5000, 5000)]);
});

Deno.test("ledger: text and back", () => {
  const ledger = {
    ...promised(fakeProcesses(), [1, "a"]),
    entries: [...promised(fakeProcesses(), [1, "a"]).entries, hold(5, 5)],
  };
  assertEquals(decodeLedger(encodeLedger(ledger)), ledger);
});

Deno.test("ledger: what is no ledger is nothing", () => {
  const good = encodeLedger(promised(fakeProcesses(), [1, "a"]));
  const texts = [
    "",
    "null",
    "[]",
    "{}",
    good.slice(0, -9),
    good.replace('"boot"', "7"),
    good.replace('"promisedBytes":100', '"promisedBytes":-100'),
    good.replace('"promisedBytes":100', '"promisedBytes":1e300'),
    good.replace('"promisedBytes":100', '"promisedBytes":"100"'),
    good.replace('"processId":1', '"processId":0'),
    good.replace('"kind":"process"', '"kind":"god"'),
    good.replace("brainjar.ledger/1", "else/1"),
  ];
  for (const text of texts) assertEquals(decodeLedger(text), undefined, text);
});

Deno.test("ledger: a later version's is an error, since its promises hold", () => {
  const text = encodeLedger(EMPTY).replace("ledger/1", "ledger/2");
  const error = assertThrows(() => decodeLedger(text), BrainjarError) as BrainjarError;
  assertEquals([error.code, error.kind], ["ledger-from-the-future", "engine"]);
});

Deno.test("ledger: a process's start is read past a name with parentheses; zombies are gone", () => {
  const fields = (state: string) =>
    `7 (a ) (b) ${state} 1 7 7 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 8 0 55555 1000 500`;
  assertEquals(parseProcessState(fields("S")), { kind: "running", startTime: "55555" });
  assertEquals(parseProcessState(fields("Z")), { kind: "gone" });
  assertEquals(parseProcessState("7 (a) S 1"), { kind: "unknown" });
  assertEquals(parseProcessState(""), { kind: "unknown" });
  const denied = linuxProcesses(fakeFiles({ "/proc/7/stat": new Error("denied") }), 1);
  assertEquals([denied.lookUp(7).kind, denied.lookUp(8).kind], ["unknown", "gone"]);
});

Deno.test(`ledger: sums add up whatever the promises (seed ${SEED})`, () => {
  const entry = fc.record({
    processId: fc.integer({ min: 1, max: 4 }),
    id: fc.constantFrom("a", "b", "c"),
    bytes: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(entry), fc.array(fc.nat(3000), { minLength: 4, maxLength: 4 }), (
      promises,
      resident,
    ) => {
      const processes = fakeProcesses();
      for (let id = 1; id <= 4; id += 1) processes.running.set(id, { startTime: `${id}` });
      const ledger = promises.reduce((one, promise) => withPromise(one, promise, processes), EMPTY);
      resident.forEach((anonymousBytes, index) =>
        processes.running.set(index + 1, { startTime: `${index + 1}`, anonymousBytes })
      );
      const last = new Map(promises.map((one) => [`${one.processId} ${one.id}`, one.bytes]));
      const sums = sumPromises(pruneLedger(ledger, processes).entries, processes);
      const promisedBytes = sums.reduce((sum, one) => sum + one.promisedBytes, 0);
      assertEquals(promisedBytes, [...last.values()].reduce((sum, one) => sum + one, 0));
      for (const sum of sums) {
        assertEquals(sum.promisedBytes, sum.residentBytes + sum.unfilledBytes);
        assert(sum.unfilledBytes >= 0 && sum.residentBytes >= 0);
      }
      const all = sums.reduce((sum, one) => sum + one.unfilledBytes, 0);
      assertEquals(promisedToOthers(sums, 1) + promisedToSelf(sums, 1), all);
    }),
    { seed: SEED, numRuns: 300 },
  );
});
