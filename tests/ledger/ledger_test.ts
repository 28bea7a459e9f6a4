import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { type Ledger, pruneLedger, renewed, withJar } from "../../src/ledger/ledger.ts";
import type { Reservation } from "../../src/ledger/reservation.ts";
import { sumReservations, unfilledByOthers } from "../../src/ledger/sums.ts";
import { decodeLedger, encodeLedger } from "../../src/ledger/text.ts";
import { linuxProcesses, parseProcessState } from "../../src/machine/processes.ts";
import { fakeFiles } from "../machine/fake_files.ts";
import { type FakeProcesses, fakeProcesses } from "../machine/fake_processes.ts";

const SEED = 20260215;
const EMPTY: Ledger = { bootId: "boot", reservations: [] };
const token = (expiresAt: number, durationMilliseconds: number): Reservation => ({
  kind: "token",
  token: "t",
  reservedBytes: 100,
  expiresAt,
  durationMilliseconds,
});

function reserved(
  processes: FakeProcesses,
  ...ids: readonly (readonly [number, string])[]
): Ledger {
  return ids.reduce(
    (ledger, [ownId, id]) => withJar(ledger, { id, bytes: 100 }, { ...processes, ownId }),
    EMPTY,
  );
}

Deno.test("ledger: others' reservations count until they are resident, own ones don't", () => {
  const processes = fakeProcesses();
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 });
  const ledger = reserved(processes, [1, "subject"], [2, "subject"], [2, "god"]);
  const unfilled = () => unfilledByOthers(sumReservations(ledger.reservations, processes), 1);
  assertEquals(unfilled(), 200);
  // What it held before its first reservation fills nothing.
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 + 150 });
  assertEquals(unfilled(), 50);
  processes.running.set(2, { startTime: "20", anonymousBytes: 30 + 500 });
  assertEquals(unfilled(), 0);
  processes.running.set(2, { startTime: "20", anonymousBytes: 0 });
  assertEquals(unfilled(), 200);
  assertEquals(unfilledByOthers(sumReservations(ledger.reservations, processes), 2), 100);
});

Deno.test("ledger: the same id again replaces the reservation and keeps the baseline", () => {
  const processes = fakeProcesses();
  const first = reserved(processes, [1, "subject"], [1, "god"]);
  processes.running.set(1, { startTime: "10", anonymousBytes: 80 });
  const again = withJar(first, { id: "subject", bytes: 40 }, processes);
  const [sum] = sumReservations(again.reservations, processes);
  assertEquals([sum?.reservedBytes, sum?.residentBytes, sum?.unfilledBytes], [140, 80, 60]);
});

Deno.test("ledger: reservations of the dead go, whoever has their number now", () => {
  const processes = fakeProcesses();
  processes.running.set(2, { startTime: "20" });
  processes.running.set(3, { startTime: "30" });
  const ledger = reserved(processes, [1, "a"], [2, "b"], [3, "c"]);
  processes.running.delete(2);
  processes.running.set(3, { startTime: "31" });
  const left = pruneLedger(ledger, processes).reservations;
  assertEquals(left.map((entry) => entry.kind === "jar" && entry.id), ["a"]);
});

Deno.test("ledger: nothing survives a boot, and an unknown boot proves nothing", () => {
  const ledger = reserved(fakeProcesses(), [1, "a"]);
  assertEquals(pruneLedger(ledger, fakeProcesses({ bootId: "next" })).reservations, []);
  assertEquals(pruneLedger(ledger, fakeProcesses({ bootId: "" })).reservations.length, 1);
});

Deno.test("ledger: a process that can't be looked at keeps all that it reserved", () => {
  const processes = fakeProcesses({ unknown: new Set([2]) });
  const left = pruneLedger(reserved(processes, [2, "a"]), processes);
  assertEquals(unfilledByOthers(sumReservations(left.reservations, processes), 1), 100);
});

Deno.test("ledger: another container's reservations count for a while", () => {
  const ledger = reserved(fakeProcesses(), [1, "a"]);
  const elsewhere = fakeProcesses({ namespace: "pid:[2]" });
  const sums = () => sumReservations(pruneLedger(ledger, elsewhere).reservations, elsewhere);
  // Its process 1 is not this one: the reservation is another's.
  elsewhere.running.set(1, { startTime: "10", anonymousBytes: 10 ** 9 });
  assertEquals(sums().map((sum) => sum.unfilledBytes), [100]);
  assertEquals(unfilledByOthers(sums(), 1), 100);
  elsewhere.clock += 10 * 60 * 1000 + 1;
  assertEquals(sums(), []);
});

Deno.test("ledger: written anew it goes on counting, and says what was filled meanwhile", () => {
  const processes = fakeProcesses();
  const elsewhere = fakeProcesses({ namespace: "pid:[2]" });
  let ledger = reserved(processes, [1, "a"]);
  processes.running.set(1, { startTime: "10", anonymousBytes: 70 });
  for (let minute = 1; minute <= 15; minute++) {
    processes.clock += 60_000;
    ledger = renewed(ledger, processes);
  }
  elsewhere.clock = processes.clock;
  const [sum, ...others] = sumReservations(
    pruneLedger(ledger, elsewhere).reservations,
    elsewhere,
  );
  assertEquals(others, []);
  assertEquals([sum?.elsewhere, sum?.residentBytes, sum?.unfilledBytes], [true, 70, 30]);
  // Nobody writes anew what isn't its own.
  assertEquals(renewed(ledger, elsewhere), ledger);
});

Deno.test("ledger: a token ends on time, and a clock that jumps can't prolong it", () => {
  const processes = fakeProcesses();
  const at = (one: Reservation) =>
    pruneLedger({ ...EMPTY, reservations: [one] }, processes).reservations;
  const later = processes.clock + 5000;
  assertEquals(at(token(later, 5000)), [token(later, 5000)]);
  processes.clock = later - 1;
  assertEquals(at(token(later, 5000)).length, 1);
  processes.clock = later;
  assertEquals(at(token(later, 5000)), []);
  // The clock stands an hour before the moment at which the token was made.
  processes.clock = later - 3_600_000;
  assertEquals(at(token(later, 5000)), [token(processes.clock + 5000, 5000)]);
});

Deno.test("ledger: text and back", () => {
  const ledger = {
    ...reserved(fakeProcesses(), [1, "a"]),
    reservations: [...reserved(fakeProcesses(), [1, "a"]).reservations, token(5, 5)],
  };
  assertEquals(decodeLedger(encodeLedger(ledger)), ledger);
});

Deno.test("ledger: what is no ledger is nothing", () => {
  const good = encodeLedger(reserved(fakeProcesses(), [1, "a"]));
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

Deno.test("ledger: a later version's is an error, since its reservations count", () => {
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

Deno.test(`ledger: sums add up whatever is reserved (seed ${SEED})`, () => {
  const entry = fc.record({
    processId: fc.integer({ min: 1, max: 4 }),
    id: fc.constantFrom("a", "b", "c"),
    bytes: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(entry), fc.array(fc.nat(3000), { minLength: 4, maxLength: 4 }), (
      requests,
      resident,
    ) => {
      const processes = fakeProcesses();
      for (let id = 1; id <= 4; id += 1) processes.running.set(id, { startTime: `${id}` });
      const ledger = requests.reduce(
        (one, { processId, ...jar }) => withJar(one, jar, { ...processes, ownId: processId }),
        EMPTY,
      );
      resident.forEach((anonymousBytes, index) =>
        processes.running.set(index + 1, { startTime: `${index + 1}`, anonymousBytes })
      );
      const last = new Map(requests.map((one) => [`${one.processId} ${one.id}`, one.bytes]));
      const sums = sumReservations(pruneLedger(ledger, processes).reservations, processes);
      const reservedBytes = sums.reduce((sum, one) => sum + one.reservedBytes, 0);
      assertEquals(reservedBytes, [...last.values()].reduce((sum, one) => sum + one, 0));
      for (const sum of sums) {
        assertEquals(sum.reservedBytes, sum.residentBytes + sum.unfilledBytes);
        assert(sum.unfilledBytes >= 0 && sum.residentBytes >= 0);
      }
      const all = sums.reduce((sum, one) => sum + one.unfilledBytes, 0);
      const own = sums.find((sum) => sum.processId === 1)?.unfilledBytes ?? 0;
      assertEquals(unfilledByOthers(sums, 1) + own, all);
    }),
    { seed: SEED, numRuns: 300 },
  );
});
