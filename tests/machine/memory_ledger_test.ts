import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import { takeOffPromises } from "../../src/machine/admission.ts";
import { MemoryLedger } from "../../src/machine/memory_ledger.ts";
import { fakeProcesses } from "./fake_processes.ts";

const MEMORY: MachineMemory = {
  totalBytes: 1000,
  availableBytes: 900,
  promisedBytes: 0,
  sources: [],
  warnings: [],
};

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  try {
    await body(`${parent}/brainjar`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function codeOf(attempt: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(attempt, BrainjarError) as BrainjarError;
  assert(error.hint !== undefined && error.kind === "engine");
  return error.code;
}

const decide = (bytes: number) => (memory: MachineMemory) =>
  memory.availableBytes < bytes
    ? { value: false }
    : { value: true, promises: [{ id: "subject", bytes }] };

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

Deno.test("memory ledger: folder and files are the user's alone", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(folder, { mode: 0o755 });
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    await ledger.reserve({ id: "a", bytes: 1 });
    const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await mode(folder), 0o700);
    assertEquals(await mode(`${folder}/ledger.json`), 0o600);
    assertEquals(await mode(`${folder}/ledger.lock`), 0o600);
  });
});

const CORRUPT: readonly string[] = ["", "{", "\0\0\0", '{"schema":"brainjar.ledger/1"}'];
for (const text of [...CORRUPT, " ".repeat(2 * 1024 ** 2)]) {
  Deno.test(`memory ledger: ${text.length} bytes of no ledger are set aside`, async () => {
    await withFolder(async (folder) => {
      const warnings: string[] = [];
      const ledger = new MemoryLedger({
        folder,
        processes: fakeProcesses(),
        warn: (warning) => warnings.push(warning.code),
      });
      await ledger.reserve({ id: "mine", bytes: 70 });
      await Deno.writeTextFile(`${folder}/ledger.json`, text);
      await ledger.admit(() => MEMORY, (memory) => {
        warnings.push(...memory.warnings.map((warning) => `decided with ${warning.code}`));
        return { value: true };
      });
      assertEquals(warnings, ["ledger-corrupt", "decided with ledger-corrupt"]);
      const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
      const aside = names.find((name) => name.startsWith("ledger.json.corrupt-"));
      assertEquals(await Deno.readTextFile(`${folder}/${aside}`), text);
      // What this process itself was promised, it still knows.
      assertEquals((await ledger.view()).ownUnfilledBytes, 70);
    });
  });
}

Deno.test("memory ledger: looking at a corrupt one sets it aside too", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/ledger.json`, "nonsense");
    const warnings: string[] = [];
    const warn = (warning: { code: string }) => warnings.push(warning.code);
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses(), warn });
    assertEquals((await ledger.view()).sums, []);
    assertEquals((await ledger.view()).sums, []);
    assertEquals(warnings, ["ledger-corrupt"]);
  });
});

Deno.test("memory ledger: one that others could write is not trusted", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    await ledger.reserve({ id: "a", bytes: 1 });
    for (const path of [folder, `${folder}/ledger.json`, `${folder}/ledger.lock`]) {
      const mode = (await Deno.stat(path)).mode ?? 0;
      await Deno.chmod(path, 0o777);
      assertEquals(await codeOf(() => ledger.admit(() => MEMORY, decide(1))), "ledger-not-ours");
      await Deno.chmod(path, mode & 0o777);
    }
    assertEquals((await ledger.admit(() => MEMORY, decide(1))).value, true);
  });
});

Deno.test("memory ledger: a link or a file in the folder's place is not trusted", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}-target`);
    await Deno.symlink(`${folder}-target`, folder);
    const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
    assertEquals(await codeOf(() => ledger.reserve({ id: "a", bytes: 1 })), "ledger-not-ours");
    assertEquals(await codeOf(() => ledger.view()), "ledger-not-ours");
    await Deno.remove(folder);
    await Deno.writeTextFile(folder, "");
    assertEquals(await codeOf(() => ledger.reserve({ id: "a", bytes: 1 })), "ledger-not-ours");
  });
});

const root = Deno.build.os === "linux" && Deno.uid() === 0;
const needsRoot = root ? "" : " (skipped: needs root on Linux)";

Deno.test({
  name: `memory ledger: someone else's is not trusted${needsRoot}`,
  ignore: !root,
  fn: async () => {
    await withFolder(async (folder) => {
      const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
      await ledger.reserve({ id: "a", bytes: 1 });
      for (const path of [`${folder}/ledger.json`, `${folder}/ledger.lock`, folder]) {
        await Deno.chown(path, 12345, 12345);
        assertEquals(await codeOf(() => ledger.admit(() => MEMORY, decide(1))), "ledger-not-ours");
        await Deno.chown(path, 0, 0);
      }
    });
  },
});

Deno.test({
  name: `memory ledger: on a full disk nothing is promised and nothing lost${needsRoot}`,
  ignore: !root,
  fn: async () => {
    const parent = await Deno.makeTempDir();
    const mount = (...args: string[]) =>
      new Deno.Command("mount", { args, stderr: "null" }).output();
    const mounted = await mount("-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", parent);
    try {
      if (!mounted.success) {
        console.warn("full disk: not tested, since nothing can be mounted here");
        return;
      }
      const folder = `${parent}/brainjar`;
      const ledger = new MemoryLedger({ folder, processes: fakeProcesses() });
      await ledger.reserve({ id: "before", bytes: 5 });
      const written = await Deno.readTextFile(`${folder}/ledger.json`);
      await assertRejects(() => Deno.writeFile(`${parent}/fill`, new Uint8Array(1024 ** 2)));
      assertEquals(await codeOf(() => ledger.admit(() => MEMORY, decide(1))), "ledger-unwritable");
      assertEquals(await codeOf(() => ledger.hold(1, 1000)), "ledger-unwritable");
      assertEquals(await Deno.readTextFile(`${folder}/ledger.json`), written);
      assertEquals((await ledger.view()).ownUnfilledBytes, 5);
      await Deno.remove(`${parent}/fill`);
      assertEquals(await ledger.releaseAll(), 5);
    } finally {
      await new Deno.Command("umount", { args: [parent], stderr: "null" }).output();
      await Deno.remove(parent, { recursive: true });
    }
  },
});

Deno.test("memory ledger: a lock that is held is waited for, and then given up", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folder, processes, timeoutMilliseconds: 30 });
    await ledger.reserve({ id: "a", bytes: 1 });
    const holder = await Deno.open(`${folder}/ledger.lock`, { read: true, write: true });
    await holder.lock(true);
    assertEquals(await codeOf(() => ledger.reserve({ id: "b", bytes: 1 })), "ledger-busy");
    const patient = new MemoryLedger({ folder, processes });
    const waiting = patient.reserve({ id: "b", bytes: 1 });
    holder.close();
    await waiting;
    assertEquals((await ledger.view()).ownUnfilledBytes, 2);
  });
});

Deno.test("memory ledger: a lock file that a cleaner removed locks no one out", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folder, processes });
    await ledger.admit(async () => {
      await Deno.remove(`${folder}/ledger.lock`);
      return MEMORY;
    }, decide(1));
    assertEquals((await ledger.admit(() => MEMORY, decide(2))).value, true);
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
