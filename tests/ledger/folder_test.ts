import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { ledgerFolders } from "../../src/ledger/folder.ts";
import { writableFolder } from "../../src/ledger/file.ts";
import { withFolder } from "./helpers.ts";

const linux = Deno.build.os === "linux";

/** What the folders are with `$XDG_RUNTIME_DIR` set so, or unset. */
function foldersWith(runtime: string | undefined): readonly string[] {
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  try {
    if (runtime === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", runtime);
    return ledgerFolders();
  } finally {
    if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before);
  }
}

Deno.test({
  name: "ledger folders: the runtime folder alone, if it is the user's alone",
  ignore: !linux,
  fn: async () => {
    const others = foldersWith(undefined);
    const runtime = await Deno.makeTempDir();
    try {
      assertEquals(foldersWith(runtime), [`${runtime}/brainjar`]);
      assertEquals(foldersWith(`${runtime}/`), [`${runtime}/brainjar`]);
      await Deno.chmod(runtime, 0o777);
      assertEquals(foldersWith(runtime), others);
      if (Deno.uid() === 0) {
        await Deno.chmod(runtime, 0o700);
        await Deno.chown(runtime, 12345, 12345);
        assertEquals(foldersWith(runtime), others);
      }
    } finally {
      await Deno.remove(runtime, { recursive: true });
    }
  },
});

Deno.test({
  name: "ledger folders: what is no folder is passed over, and /tmp comes last",
  ignore: !linux,
  fn: () => {
    const others = foldersWith(undefined);
    for (const runtime of ["", "relative", "/no/such/folder", "/proc/self/status"]) {
      assertEquals(foldersWith(runtime), others);
    }
    const user = Deno.uid();
    // With and without a session's variable it is the same.
    assertEquals(foldersWith(`/run/user/${user}`), others);
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
