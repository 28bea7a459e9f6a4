import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import { takeOffPromises } from "../../src/ledger/admission.ts";
import { fakeProcesses } from "../machine/fake_processes.ts";
import { decide, MEMORY, withFolder } from "./ledger_helpers.ts";

Deno.test("memory ledger: a promise to one is off what the next may have", async () => {
  await withFolder(async (folder) => {
    const running = fakeProcesses({ ownId: 1 });
    running.running.set(2, { startTime: "20", anonymousBytes: 0 });
    const first = new MemoryLedger({ folder, processes: running });
    const second = new MemoryLedger({ folder, processes: { ...running, ownId: 2 } });

    assertEquals((await first.admit(() => MEMORY, decide(600))).value, true);
    assertEquals((await second.admit(() => MEMORY, decide(600))).value, false);
    assertEquals((await second.admit(() => MEMORY, decide(300))).value, true);
    const view = await first.view();
    assertEquals([view.ownUnfilledBytes, view.othersUnfilledBytes], [600, 300]);

    assertEquals(await first.release("subject"), 600);
    assertEquals(await first.release("subject"), 0);
    assertEquals(await second.releaseAll(), 300);
    assertEquals((await first.view()).sums, []);
  });
});

Deno.test("memory ledger: what is decided on says what was promised", () => {
  const memory = takeOffPromises(takeOffPromises(MEMORY, 100), 50);
  assertEquals([memory.availableBytes, memory.promisedBytes], [750, 150]);
  assertEquals(takeOffPromises(MEMORY, 5000).availableBytes, 0);
});

Deno.test("memory ledger: a hold counts until its token or its time", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folder, processes });
    const token = await ledger.hold(400, 10_000);
    const { sums, othersUnfilledBytes } = await ledger.view();
    assertEquals([othersUnfilledBytes, sums[0]?.endsInMilliseconds], [400, 10_000]);
    assertEquals(await ledger.releaseToken("someone else's"), undefined);
    assertEquals(await ledger.releaseToken(token), 400);
    assertEquals(await ledger.releaseToken(token), undefined);

    await ledger.hold(400, 10_000);
    processes.clock += 10_000;
    assertEquals((await ledger.view()).othersUnfilledBytes, 0);
  });
});

Deno.test("memory ledger: a hold can be decided on, and exchanged for a promise", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    const { token } = await ledger.admit(
      () => MEMORY,
      () => ({ value: true, hold: { bytes: 800, durationMilliseconds: 1000 } }),
    );
    assert(token !== undefined && /^[0-9a-f]{16}$/.test(token));
    // Refused, and the hold stays; then with it, approved, and the hold is gone.
    assertEquals((await ledger.admit(() => MEMORY, decide(700))).value, false);
    assertEquals((await ledger.admit(() => MEMORY, decide(950), { token })).value, false);
    assertEquals((await ledger.view()).othersUnfilledBytes, 800);
    assertEquals((await ledger.admit(() => MEMORY, decide(700), { token })).value, true);
    assertEquals((await ledger.view()).othersUnfilledBytes, 0);
    assertEquals((await ledger.view()).ownUnfilledBytes, 700);
  });
});

Deno.test("memory ledger: nonsense is neither promised nor held", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    for (const bytes of [-1, NaN, Infinity, 0.5]) {
      await assertRejects(() => ledger.reserve({ id: "a", bytes }), BrainjarError);
      await assertRejects(() => ledger.hold(bytes, 1000), BrainjarError);
    }
    for (const time of [0, -1, NaN, Infinity, 25 * 3_600_000]) {
      await assertRejects(() => ledger.hold(1, time), BrainjarError);
    }
    assertEquals((await ledger.view()).sums, []);
  });
});

Deno.test("memory ledger: a decision that fails promises nothing and frees the lock", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    await assertRejects(() =>
      ledger.admit(() => MEMORY, () => {
        throw new Error("undecided");
      })
    );
    await assertRejects(() => ledger.admit(() => Promise.reject(new Error("unread")), decide(1)));
    assertEquals((await ledger.admit(() => MEMORY, decide(1))).value, true);
  });
});

Deno.test("memory ledger: looking and releasing make no folder", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    assertEquals((await ledger.view()).sums, []);
    assertEquals(await ledger.release("subject"), 0);
    await assertRejects(() => Deno.stat(folder), Deno.errors.NotFound);
  });
});

Deno.test("memory ledger: how much is filled is written for those who can't look", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folder, processes });
    await ledger.updateResident();
    await ledger.reserve({ id: "a", bytes: 100 });
    await ledger.reserve({ id: "b", bytes: 100 });
    processes.running.set(1, { startTime: "10", anonymousBytes: 130 });
    await ledger.updateResident();
    const elsewhere = fakeProcesses({ ownId: 9, namespace: "pid:[2]" });
    const { sums } = await new MemoryLedger({ folder, processes: elsewhere }).view();
    assertEquals(sums.map((sum) => [sum.ids, sum.residentBytes]), [[["a", "b"], 130]]);
  });
});
