import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { writeOwnFile, writeWhole } from "../../src/replay/own_file.ts";

const KIND = { mark: "%OURS", noun: "report" } as const;

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-own-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("own file: a new one, and over an earlier one of the same kind", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.html`;
    await writeOwnFile(path, ["%OURS", " one"], KIND);
    await writeOwnFile(path, ["%OURS two"], KIND);
    assertEquals(await Deno.readTextFile(path), "%OURS two");
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("own file: nothing else is ever written over", async () => {
  await withFolder(async (folder) => {
    for (const text of ["", "%OUR", "GGUF and all that"]) {
      const path = `${folder}/precious`;
      await Deno.writeTextFile(path, text);
      const error = await assertRejects(
        () => writeOwnFile(path, ["%OURS"], KIND),
        BrainjarError,
      ) as BrainjarError;
      assertEquals(error.code, "output-exists");
      assertEquals(await Deno.readTextFile(path), text);
    }
    for (const path of [folder, "/dev/null"]) {
      const error = await assertRejects(() => writeOwnFile(path, ["%OURS"], KIND), BrainjarError);
      assertEquals((error as BrainjarError).code, "output-exists");
    }
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("own file: a failure in the middle leaves what was there, and nothing beside it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.html`;
    await writeOwnFile(path, ["%OURS one"], KIND);
    const failing = function* () {
      yield "%OURS half";
      throw new BrainjarError("transcript-unreadable", "Gone");
    };
    await assertRejects(() => writeOwnFile(path, failing(), KIND), BrainjarError, "Gone");
    assertEquals(await Deno.readTextFile(path), "%OURS one");
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    const error = await assertRejects(
      () => writeOwnFile(`${folder}/none/a.html`, ["%OURS"], KIND),
      BrainjarError,
    ) as BrainjarError;
    assert(error.code === "output-unwritable" && error.hint, error.message);
  });
});

Deno.test({
  name: "own file: a full disk is told, however little is written",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const length of [1, 100_000]) {
      using full = await Deno.open("/dev/full", { write: true });
      await assertRejects(() => writeWhole(full, "%".repeat(length)), Error, "No space left");
    }
  },
});

Deno.test("own file: what is taken in pieces is written whole", async () => {
  const taken: number[] = [];
  const file = {
    write(bytes: Uint8Array) {
      const piece = bytes.subarray(0, 3);
      taken.push(...piece);
      return Promise.resolve(piece.length);
    },
  };
  await writeWhole(file, "% née à côté");
  assertEquals(new TextDecoder().decode(new Uint8Array(taken)), "% née à côté");
});
