import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { ledgerFolders } from "../../src/ledger/folder.ts";
import { writableFolder } from "../../src/ledger/file.ts";
import { withFolder } from "./helpers.ts";

const linux = Deno.build.os === "linux";

/** What the folders are with these variables alone of those that name one. */
function foldersWith(
  environment: { readonly XDG_RUNTIME_DIR?: string; readonly BRAINJAR_LEDGER?: string } = {},
): readonly string[] {
  const names = ["XDG_RUNTIME_DIR", "BRAINJAR_LEDGER"] as const;
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const name of names) set(name, environment[name]);
    return ledgerFolders();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

Deno.test({
  name: "ledger folders: another runtime folder comes last, if it is the user's alone",
  ignore: !linux,
  fn: async () => {
    const others = foldersWith();
    const runtime = await Deno.makeTempDir();
    const withRuntime = (folder: string) => foldersWith({ XDG_RUNTIME_DIR: folder });
    try {
      assertEquals(withRuntime(runtime), [...others, `${runtime}/brainjar`]);
      assertEquals(withRuntime(`${runtime}/`), [...others, `${runtime}/brainjar`]);
      await Deno.chmod(runtime, 0o777);
      assertEquals(withRuntime(runtime), others);
      if (Deno.uid() === 0) {
        await Deno.chmod(runtime, 0o700);
        await Deno.chown(runtime, 12345, 12345);
        assertEquals(withRuntime(runtime), others);
      }
    } finally {
      await Deno.remove(runtime, { recursive: true });
    }
  },
});

Deno.test("ledger folders: one that is named stands alone", () => {
  assertEquals(foldersWith({ BRAINJAR_LEDGER: "/a/ledger" }), ["/a/ledger"]);
  assertEquals(foldersWith({ BRAINJAR_LEDGER: "ledger" }), [`${Deno.cwd()}/ledger`]);
  assertEquals(foldersWith({ BRAINJAR_LEDGER: "" }), foldersWith());
});

Deno.test({
  name: "ledger folders: what is no folder is passed over, and /tmp comes last",
  ignore: !linux,
  fn: () => {
    const others = foldersWith();
    for (const runtime of ["", "relative", "/no/such/folder", "/proc/self/status"]) {
      assertEquals(foldersWith({ XDG_RUNTIME_DIR: runtime }), others);
    }
    const user = Deno.uid();
    // With and without a session's variable it is the same.
    assertEquals(foldersWith({ XDG_RUNTIME_DIR: `/run/user/${user}` }), others);
    const known = [
      `/run/user/${user}/brainjar`,
      "/run/brainjar",
      `/dev/shm/brainjar-${user}`,
      `/tmp/brainjar-${user}`,
    ];
    assertEquals(others, known.filter((folder) => others.includes(folder)));
    assertEquals(others.includes("/run/brainjar"), user === 0);
  },
});

Deno.test({
  name: "ledger folders: the first that can be written, and never past one that others made",
  ignore: !linux,
  fn: async () => {
    await withFolder(async (folder) => {
      const none = "/proc/no/such/folder";
      assertEquals(writableFolder([none, folder]), folder);
      assert((await Deno.stat(folder)).isDirectory);
      const error = assertThrows(() => writableFolder([none]), BrainjarError) as BrainjarError;
      assertEquals(error.code, "ledger-unwritable");
      const link = `${folder}-link`;
      await Deno.symlink(folder, link);
      const refused = assertThrows(() => writableFolder([link, folder]), BrainjarError);
      assertEquals((refused as BrainjarError).code, "ledger-not-ours");
    });
  },
});
