import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import { takeOffReservations } from "../../src/ledger/sums.ts";
import { fakeProcesses } from "../machine/fake_processes.ts";
import { decide, MEMORY, unfilledBy, withFolder } from "./helpers.ts";

Deno.test("memory ledger: what one reserves is off what the next may have", async () => {
  await withFolder(async (folder) => {
    const running = fakeProcesses({ ownId: 1 });
    running.running.set(2, { startTime: "20", anonymousBytes: 0 });
    const first = new MemoryLedger({ folders: [folder], processes: running });
    const second = new MemoryLedger({ folders: [folder], processes: { ...running, ownId: 2 } });

    assertEquals((await first.admit(() => MEMORY, decide(600))).value, true);
    assertEquals((await second.admit(() => MEMORY, decide(600))).value, false);
    assertEquals((await second.admit(() => MEMORY, decide(300))).value, true);
    assertEquals(await unfilledBy(first, 1), 600);
    assertEquals((await first.view()).othersUnfilledBytes, 300);

    assertEquals(await first.release("subject"), 600);
    assertEquals(await first.release("subject"), 0);
    assertEquals(await second.release("subject"), 300);
    assertEquals((await first.view()).sums, []);
  });
});

Deno.test("memory ledger: what a process kept while it had nothing reserved fills what it reserves next", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    processes.running.set(1, { startTime: "10", anonymousBytes: 40 });
    const ledger = new MemoryLedger({ folders: [folder], processes });
    await ledger.reserve({ id: "jars", bytes: 300 });
    // A jar has loaded its model, dies, and comes back to it.
    processes.running.set(1, { startTime: "10", anonymousBytes: 240 });
    await ledger.release("jars");
    await ledger.reserve({ id: "jars", bytes: 300 });
    assertEquals(await unfilledBy(ledger, 1), 100);
  });
});

Deno.test("memory ledger: what is decided on says what was reserved", () => {
  const memory = takeOffReservations(takeOffReservations(MEMORY, 100), 50);
  assertEquals([memory.availableBytes, memory.reservedBytes], [750, 150]);
  assertEquals(takeOffReservations(MEMORY, 5000).availableBytes, 0);
});

const withToken = (ledger: MemoryLedger, bytes: number, durationMilliseconds: number) =>
  ledger.admit(() => MEMORY, () => ({ value: true, token: { bytes, durationMilliseconds } }));

Deno.test("memory ledger: a token counts until it is released or its time is up", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folders: [folder], processes });
    const { token = "" } = await withToken(ledger, 400, 10_000);
    assert(/^[0-9a-f]{16}$/.test(token), token);
    const { sums, othersUnfilledBytes } = await ledger.view();
    assertEquals([othersUnfilledBytes, sums[0]?.endsInMilliseconds], [400, 10_000]);
    assertEquals((await ledger.admit(() => MEMORY, decide(700))).value, false);
    assertEquals(await ledger.releaseToken("someone else's"), undefined);
    assertEquals((await ledger.releaseToken(token))?.bytes, 400);
    assertEquals(await ledger.releaseToken(token), undefined);
    assertEquals((await ledger.admit(() => MEMORY, decide(700))).value, true);

    await withToken(ledger, 400, 10_000);
    processes.clock += 10_000;
    assertEquals((await ledger.view()).othersUnfilledBytes, 0);
  });
});

Deno.test("memory ledger: nonsense is not reserved", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    for (const bytes of [-1, NaN, Infinity, 0.5]) {
      await assertRejects(() => ledger.reserve({ id: "a", bytes }), BrainjarError);
      await assertRejects(() => withToken(ledger, bytes, 1000), BrainjarError);
    }
    for (const time of [0, -1, NaN, Infinity, 25 * 3_600_000]) {
      await assertRejects(() => withToken(ledger, 1, time), BrainjarError);
    }
    assertEquals((await ledger.view()).sums, []);
  });
});

Deno.test("memory ledger: a decision that fails reserves nothing and frees the lock", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    await assertRejects(() =>
      ledger.admit(() => MEMORY, () => {
        throw new Error("undecided");
      })
    );
    await assertRejects(() => ledger.admit(() => Promise.reject(new Error("unread")), decide(1)));
    assertEquals((await ledger.admit(() => MEMORY, decide(1))).value, true);
  });
});

Deno.test("memory ledger: what lies in another folder of the user's counts, and its tokens end", async () => {
  await withFolder(async (folder) => {
    const older = `${folder}-older`;
    const processes = fakeProcesses();
    processes.running.set(2, { startTime: "20" });
    const before = new MemoryLedger({ folders: [older], processes: { ...processes, ownId: 2 } });
    await before.reserve({ id: "subject", bytes: 300 });
    const token = { bytes: 100, durationMilliseconds: 60_000 };
    const held = await before.admit(() => MEMORY, () => ({ value: true, token }));
    const ledger = new MemoryLedger({ folders: [folder, older], processes });
    const { value } = await ledger.admit(() => MEMORY, ({ availableBytes }) => ({
      value: availableBytes,
      jar: { id: "subject", bytes: 50 },
    }));
    assertEquals(value, 900 - 400);
    assertEquals((await ledger.view()).othersUnfilledBytes, 400);
    assertEquals((await ledger.releaseToken(held.token ?? ""))?.bytes, 100);
    assertEquals((await ledger.view()).othersUnfilledBytes, 300);
    // One that can't be trusted is no reason to fail, and nothing in it counts.
    await Deno.chmod(older, 0o777);
    const { othersUnfilledBytes, warnings } = await ledger.view();
    assertEquals([othersUnfilledBytes, warnings.map(({ code }) => code)], [0, ["ledger-not-ours"]]);
  });
});

Deno.test("memory ledger: a token that is claimed gives its place to a jar, and stays where none gets in", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    for (const id of [2, 3]) processes.running.set(id, { startTime: "20", anonymousBytes: 0 });
    const as = (ownId: number, ...folders: [string, ...string[]]) =>
      new MemoryLedger({ folders, processes: { ...processes, ownId } });
    for (const elsewhere of [false, true]) {
      const older = `${folder}-older`;
      const { token = "" } = await withToken(as(3, elsewhere ? older : folder), 600, 10_000);
      const others = as(2, folder, older);
      const ledger = as(1, folder, older);
      assertEquals(ledger.claim("someone else's"), undefined);
      assertEquals(ledger.claim(token)?.bytes, 600);
      // This process may have it, and nobody else.
      assertEquals((await ledger.view()).othersUnfilledBytes, 0);
      assertEquals((await others.view()).othersUnfilledBytes, 600);
      assertEquals((await ledger.admit(() => MEMORY, decide(1000))).value, false);
      assertEquals((await others.view()).othersUnfilledBytes, 600);
      assertEquals((await ledger.admit(() => MEMORY, decide(700))).value, true);
      assertEquals((await others.view()).othersUnfilledBytes, 700);
      assertEquals(await others.releaseToken(token), undefined);
      assertEquals((await ledger.admit(() => MEMORY, decide(800))).value, true);
      assertEquals(await ledger.release("subject"), 800);
      assertEquals((await others.view()).sums, []);
    }
  });
});

Deno.test("memory ledger: a token that another took meanwhile is told", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    const { token = "" } = await withToken(ledger, 300, 10_000);
    ledger.claim(token);
    await ledger.releaseToken(token);
    const error = await assertRejects(() => ledger.admit(() => MEMORY, decide(100)), BrainjarError);
    assertEquals((error as BrainjarError).code, "unknown-token");
    assertEquals((await ledger.view()).sums, []);
  });
});

Deno.test("memory ledger: one that was damaged is warned of by whoever sets it aside", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(folder);
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    await Deno.writeTextFile(`${folder}/ledger.json`, "nonsense");
    const codes = (await ledger.takeOffOthers(MEMORY)).warnings.map(({ code }) => code);
    assertEquals(codes, ["ledger-corrupt"]);
    assertEquals((await ledger.view()).warnings, []);
  });
});

Deno.test("memory ledger: a folder that goes with its session takes nothing along", async () => {
  await withFolder(async (folder) => {
    const session = `${folder}-session`;
    await Deno.mkdir(session);
    const folders: [string, ...string[]] = [`${session}/brainjar`, folder];
    const processes = fakeProcesses();
    processes.running.set(2, { startTime: "20", anonymousBytes: 0 });
    const ledger = new MemoryLedger({ folders, processes });
    await ledger.reserve({ id: "jars", bytes: 300 });
    await Deno.remove(session, { recursive: true });
    const others = new MemoryLedger({ folders, processes: { ...processes, ownId: 2 } });
    assertEquals((await others.view()).othersUnfilledBytes, 0);
    await ledger.renew();
    assertEquals((await others.view()).othersUnfilledBytes, 300);
    assertEquals(await ledger.release("jars"), 300);
    assertEquals((await others.view()).sums, []);
  });
});

Deno.test("memory ledger: who writes to another folder decides under the same lock", async () => {
  await withFolder(async (folder) => {
    const other = `${folder}-other`;
    const processes = fakeProcesses();
    for (const id of [2, 3]) processes.running.set(id, { startTime: "20", anonymousBytes: 0 });
    // Both folders are there, as after the first call of each.
    const [first, second] = ([[folder, other], [other, folder]] as const).map((folders, index) =>
      new MemoryLedger({ folders, processes: { ...processes, ownId: index + 2 } })
    );
    if (first === undefined || second === undefined) throw new Error("Two");
    for (const ledger of [first, second]) {
      await ledger.reserve({ id: "subject", bytes: 1 });
      await ledger.release("subject");
    }
    for (let time = 0; time < 20; time++) {
      const answers = await Promise.all([first, second].map((ledger) =>
        ledger.admit(async () => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          return MEMORY;
        }, decide(600))
      ));
      assertEquals(answers.filter(({ value }) => value).length, 1);
      await Promise.all([first, second].map((ledger) => ledger.release("subject")));
    }
  });
});

Deno.test("memory ledger: looking and releasing make no folder", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    assertEquals((await ledger.view()).sums, []);
    assertEquals(await ledger.release("subject"), 0);
    await assertRejects(() => Deno.stat(folder), Deno.errors.NotFound);
  });
});
