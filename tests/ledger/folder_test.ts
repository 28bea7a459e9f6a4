import { assertEquals } from "@std/assert";
import { ledgerFolder } from "../../src/ledger/folder.ts";

const linux = Deno.build.os === "linux";

/** What the folder is with `$XDG_RUNTIME_DIR` set so, or unset. */
function folderWith(runtime: string | undefined): string {
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  try {
    if (runtime === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", runtime);
    return ledgerFolder();
  } finally {
    if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before);
  }
}

Deno.test({
  name: "ledger folder: the runtime folder, if it is the user's alone",
  ignore: !linux,
  fn: async () => {
    const fallback = folderWith(undefined);
    const runtime = await Deno.makeTempDir();
    try {
      assertEquals(folderWith(runtime), `${runtime}/brainjar`);
      assertEquals(folderWith(`${runtime}/`), `${runtime}/brainjar`);
      await Deno.chmod(runtime, 0o777);
      assertEquals(folderWith(runtime), fallback);
      if (Deno.uid() === 0) {
        await Deno.chmod(runtime, 0o700);
        await Deno.chown(runtime, 12345, 12345);
        assertEquals(folderWith(runtime), fallback);
      }
    } finally {
      await Deno.remove(runtime, { recursive: true });
    }
  },
});

Deno.test({
  name: "ledger folder: what is no folder is passed over",
  ignore: !linux,
  fn: () => {
    const fallback = folderWith(undefined);
    for (const runtime of ["", "relative", "/no/such/folder", "/proc/self/status"]) {
      assertEquals(folderWith(runtime), fallback);
    }
    const user = Deno.uid();
    assertEquals([`/run/user/${user}/brainjar`, `/tmp/brainjar-${user}`].includes(fallback), true);
  },
});
