import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import { fakeProcesses } from "../machine/fake_processes.ts";
import { decide, MEMORY, unfilledBy, withFolder } from "./helpers.ts";

async function codeOf(attempt: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(attempt, BrainjarError) as BrainjarError;
  assert(error.hint !== undefined && error.kind === "engine");
  return error.code;
}

Deno.test("ledger file: folder and files are the user's alone", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(folder, { mode: 0o755 });
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    await ledger.reserve({ id: "a", bytes: 1 });
    const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await mode(folder), 0o700);
    assertEquals(await mode(`${folder}/ledger.json`), 0o600);
    assertEquals(await mode(`${folder}/ledger.lock`), 0o600);
  });
});

const CORRUPT: readonly string[] = ["", "{", "\0\0\0", '{"schema":"brainjar.ledger/1"}'];
for (const text of [...CORRUPT, " ".repeat(2 * 1024 ** 2)]) {
  Deno.test(`ledger file: ${text.length} bytes of no ledger are set aside`, async () => {
    await withFolder(async (folder) => {
      const warnings: string[] = [];
      const ledger = new MemoryLedger({
        folders: [folder],
        processes: fakeProcesses(),
      });
      await ledger.reserve({ id: "mine", bytes: 70 });
      await Deno.writeTextFile(`${folder}/ledger.json`, text);
      await ledger.admit(() => MEMORY, (memory) => {
        warnings.push(...memory.warnings.map((warning) => warning.code));
        return { value: true };
      });
      assertEquals(warnings, ["ledger-corrupt"]);
      const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
      const aside = names.find((name) => name.startsWith("ledger.json.corrupt-"));
      assertEquals(await Deno.readTextFile(`${folder}/${aside}`), text);
      // What this process itself has reserved, it still knows.
      assertEquals(await unfilledBy(ledger, 1), 70);
    });
  });
}

Deno.test("ledger file: looking at a corrupt one sets it aside too", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/ledger.json`, "nonsense");
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    assertEquals((await ledger.view()).sums, []);
    assertEquals((await ledger.view()).sums, []);
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assertEquals(names.filter((name) => name.startsWith("ledger.json.corrupt-")).length, 1);
  });
});

Deno.test("ledger file: one that others could write is not trusted", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
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

Deno.test("ledger file: a link or a file in the folder's place is not trusted", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}-target`);
    await Deno.symlink(`${folder}-target`, folder);
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    assertEquals(await codeOf(() => ledger.reserve({ id: "a", bytes: 1 })), "ledger-not-ours");
    assertEquals(await codeOf(() => ledger.view()), "ledger-not-ours");
    await Deno.remove(folder);
    await Deno.writeTextFile(folder, "");
    assertEquals(await codeOf(() => ledger.reserve({ id: "a", bytes: 1 })), "ledger-not-ours");
  });
});

Deno.test("ledger file: what lies under the name of the next one is replaced, and a link not followed", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
    await ledger.reserve({ id: "a", bytes: 1 });
    const precious = `${folder}-precious`;
    await Deno.writeTextFile(precious, "words");
    for (const lead of [Deno.symlink, Deno.link]) {
      await lead(precious, `${folder}/ledger.json.new`);
      await ledger.reserve({ id: "b", bytes: 2 });
      assertEquals(await Deno.readTextFile(precious), "words");
    }
    // As a killed process leaves it.
    await Deno.writeTextFile(`${folder}/ledger.json.new`, '{"schema":');
    await ledger.reserve({ id: "c", bytes: 4 });
    assertEquals(await unfilledBy(ledger, 1), 7);
  });
});

Deno.test("ledger file: the first reservation has the boot that it was written in", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folders: [folder], processes });
    const token = { bytes: 5, durationMilliseconds: 1000 };
    await ledger.admit(() => MEMORY, () => ({ value: true, token }));
    const { bootId } = JSON.parse(await Deno.readTextFile(`${folder}/ledger.json`));
    assertEquals(bootId, "boot");
    const rebooted = fakeProcesses({ bootId: "next" });
    const next = new MemoryLedger({ folders: [folder], processes: rebooted });
    assertEquals((await next.view()).sums, []);
  });
});

const root = Deno.build.os === "linux" && Deno.uid() === 0;
const needsRoot = root ? "" : " (skipped: needs root on Linux)";

Deno.test({
  name: `ledger file: someone else's is not trusted${needsRoot}`,
  ignore: !root,
  fn: async () => {
    await withFolder(async (folder) => {
      const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
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
  name: `ledger file: on a full disk nothing is reserved and nothing lost${needsRoot}`,
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
      const ledger = new MemoryLedger({ folders: [folder], processes: fakeProcesses() });
      await ledger.reserve({ id: "before", bytes: 5 });
      const written = await Deno.readTextFile(`${folder}/ledger.json`);
      await assertRejects(() => Deno.writeFile(`${parent}/fill`, new Uint8Array(1024 ** 2)));
      assertEquals(await codeOf(() => ledger.admit(() => MEMORY, decide(1))), "ledger-unwritable");
      assertEquals(await Deno.readTextFile(`${folder}/ledger.json`), written);
      assertEquals(await unfilledBy(ledger, 1), 5);
      await Deno.remove(`${parent}/fill`);
      assertEquals(await ledger.release("before"), 5);
    } finally {
      await new Deno.Command("umount", { args: [parent], stderr: "null" }).output();
      await Deno.remove(parent, { recursive: true });
    }
  },
});

Deno.test("ledger file: a lock that is taken is waited for, and then given up", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folders: [folder], processes, timeoutMilliseconds: 30 });
    await ledger.reserve({ id: "a", bytes: 1 });
    const holder = await Deno.open(`${folder}/ledger.lock`, { read: true, write: true });
    await holder.lock(true);
    assertEquals(await codeOf(() => ledger.reserve({ id: "b", bytes: 1 })), "ledger-busy");
    const patient = new MemoryLedger({ folders: [folder], processes });
    const waiting = patient.reserve({ id: "b", bytes: 1 });
    holder.close();
    await waiting;
    assertEquals(await unfilledBy(ledger, 1), 2);
  });
});

Deno.test("ledger file: a lock file that a cleaner removed locks no one out", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    const ledger = new MemoryLedger({ folders: [folder], processes });
    await ledger.admit(async () => {
      await Deno.remove(`${folder}/ledger.lock`);
      return MEMORY;
    }, decide(1));
    assertEquals((await ledger.admit(() => MEMORY, decide(2))).value, true);
  });
});
