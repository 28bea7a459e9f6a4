import { assert, assertEquals } from "@std/assert";
import { named, play, type StageOptions } from "./stage.ts";
import { openTranscript } from "../../src/experiment/transcript_file/open_transcript.ts";
import { linesIn, withFolder } from "./transcript_files.ts";

const KB = 1024;

/** A run whose transcript goes on in another file after so many bytes. */
async function playTo(path: string, maxBytes: number, options: StageOptions = {}) {
  return await play({
    turns: 40,
    contextSize: 900,
    transcript: openTranscript(path, { maxBytes }),
    ...options,
  });
}

/** The files of a transcript, the oldest first. */
async function partsOf(path: string): Promise<string[]> {
  const names: string[] = [];
  for (let number = 99; number > 0; number--) {
    if (await Deno.stat(`${path}.${number}`).then(() => true, () => false)) {
      names.push(`${path}.${number}`);
    }
  }
  return [...names, path];
}

const isBody = ({ event }: Record<string, unknown>) => event !== "start" && event !== "validation";

Deno.test("transcript: it goes on in another file, each plays alone, and nothing is lost", async () => {
  await withFolder(async (folder) => {
    const whole = `${folder}/whole.jsonl`;
    await play({ turns: 40, contextSize: 900, transcript: openTranscript(whole) });
    const path = `${folder}/talk.jsonl`;
    const { result, events } = await playTo(path, 20 * KB);
    assertEquals([result.exitCode, named(events, "warning")], [0, []]);
    const names = await partsOf(path);
    assert(names.length > 3, `${names.length} parts`);
    const parts = await Promise.all(names.map(linesIn));
    for (const [index, lines] of parts.entries()) {
      assertEquals([lines[0]?.event, lines[1]?.event], ["start", "validation"]);
      assertEquals(lines[0]?.part, index === 0 ? undefined : index + 1);
      assertEquals(lines[0]?.schema, "brainjar.transcript/2");
      const { part: _, time: _time, ...start } = lines[0] ?? {};
      const { time: _first, ...first } = parts[0]?.[0] ?? {};
      assertEquals(start, first);
      const { size } = await Deno.stat(names[index] ?? "");
      assert(size <= 20 * KB, `${size} bytes`);
      assert(lines.filter(isBody).length > 0);
    }
    const told = (lines: Record<string, unknown>[]) =>
      lines.filter((line) => isBody(line) && line.event !== "memory")
        .map(({ time: _, ...line }) => line);
    assertEquals(told(parts.flat()), told(await linesIn(whole)));
  });
});

Deno.test("transcript: nine older parts are kept, the oldest makes room", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    const { result } = await playTo(path, 4 * KB);
    assertEquals(result.exitCode, 0);
    const names = await partsOf(path);
    assertEquals(names.length, 10);
    assertEquals((await linesIn(path)).at(-1)?.event, "end");
    const numbers = await Promise.all(
      names.map(async (name) => Number((await linesIn(name))[0]?.part)),
    );
    const last = numbers.at(-1) ?? 0;
    assert(last > 10);
    assertEquals(numbers, Array.from({ length: 10 }, (_, index) => last - 9 + index));
  });
});

Deno.test("transcript: an earlier run's file that is too long is moved, not added to", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    await play({ turns: 20, transcript: openTranscript(path) });
    const before = await Deno.readTextFile(path);
    await playTo(path, 8 * KB, { turns: 1 });
    assertEquals(await Deno.readTextFile(`${path}.1`), before);
    const [first] = await linesIn(path);
    assertEquals([first?.event, first?.part], ["start", undefined]);
  });
});

Deno.test("transcript: a file of the older version is added to", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    const old =
      '{"time":"2026-01-01T00:00:00.000Z","event":"start","schema":"brainjar.transcript/1"}\n';
    await Deno.writeTextFile(path, old);
    await play({ turns: 1, transcript: openTranscript(path) });
    assert((await Deno.readTextFile(path)).startsWith(old));
    assertEquals((await linesIn(path)).filter(({ event }) => event === "start").length, 2);
  });
});

/** What stands where a part is to go, and is never moved nor written over. */
const IN_THE_WAY: readonly (readonly [what: string, put: (path: string) => Promise<unknown>])[] = [
  ["a model", (path) => Deno.writeTextFile(path, "GGUF and all that")],
  ["a folder", (path) => Deno.mkdir(path)],
  ["a link to a model", async (path) => {
    await Deno.writeTextFile(`${path}.model`, "GGUF and all that");
    await Deno.symlink(`${path}.model`, path);
  }],
  ["a link to nothing", (path) => Deno.symlink(`${path}.nothing`, path)],
  ["an empty file", (path) => Deno.writeTextFile(path, "")],
];

for (const [what, put] of IN_THE_WAY) {
  Deno.test(`transcript: ${what} in the way stays, and the file goes on beyond its size`, async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/talk.jsonl`;
      await put(`${path}.1`);
      const before = await Deno.lstat(`${path}.1`);
      const { result, events } = await playTo(path, 4 * KB);
      const after = await Deno.lstat(`${path}.1`);
      assertEquals([after.ino, after.size, after.mtime], [before.ino, before.size, before.mtime]);
      assertEquals([result.exitCode, result.transcriptFailure], [0, undefined]);
      assertEquals(named(events, "warning").map(({ code, hint }) => [code, hint]), [
        ["log-not-rotated", `Another file is in the way: ${await Deno.realPath(path)}.1`],
      ]);
      const lines = await linesIn(path);
      assertEquals([lines[0]?.event, lines.at(-1)?.event], ["start", "end"]);
      assertEquals(lines.filter(({ event }) => event === "start").length, 1);
    });
  });
}

Deno.test("transcript: a part that another run writes to stays where it is", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    const other = openTranscript(`${path}.1`);
    other.write({ event: "start", schema: "brainjar.transcript/2" });
    const { events } = await playTo(path, 4 * KB);
    assertEquals(named(events, "warning").map(({ code }) => code), ["log-not-rotated"]);
    other.write({ event: "end" });
    other.close();
    assertEquals((await linesIn(`${path}.1`)).map(({ event }) => event), ["start", "end"]);
  });
});

Deno.test("transcript: a file that took the log's place is not moved", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    let moved = false;
    const { result, events } = await playTo(path, 8 * KB, {
      onEvent: ({ event }) => {
        if (event !== "thought" || moved) return;
        moved = true;
        Deno.renameSync(path, `${folder}/mine.jsonl`);
        Deno.writeTextFileSync(path, "precious");
      },
    });
    assertEquals(await Deno.readTextFile(path), "precious");
    assertEquals(named(events, "warning").map(({ code }) => code), ["log-not-rotated"]);
    assertEquals(result.exitCode, 0);
    assertEquals((await linesIn(`${folder}/mine.jsonl`)).at(-1)?.event, "end");
  });
});

Deno.test("transcript: a link to it goes on leading to its newest part", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/elsewhere`);
    await Deno.writeTextFile(`${folder}/elsewhere/talk.jsonl`, "");
    await Deno.symlink(`${folder}/elsewhere/talk.jsonl`, `${folder}/link.jsonl`);
    await playTo(`${folder}/link.jsonl`, 20 * KB);
    assert((await Deno.lstat(`${folder}/link.jsonl`)).isSymlink);
    assertEquals((await linesIn(`${folder}/link.jsonl`)).at(-1)?.event, "end");
    assert((await partsOf(`${folder}/elsewhere/talk.jsonl`)).length > 1);
  });
});

Deno.test({
  name: "transcript: a folder that nobody may write to keeps one file, whole",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/talk.jsonl`;
      await Deno.writeTextFile(path, "");
      await Deno.chmod(folder, 0o500);
      try {
        const { result, events } = await playTo(path, 4 * KB);
        const names = await partsOf(path);
        if (names.length > 1) return console.log("Skipped: this user may write anywhere");
        assertEquals(result.exitCode, 0);
        assertEquals(named(events, "warning").map(({ code }) => code), ["log-not-rotated"]);
      } finally {
        await Deno.chmod(folder, 0o700);
      }
    });
  },
});

Deno.test("transcript: a size that holds no line has a line in each part", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    const { result } = await playTo(path, 1, { turns: 2 });
    assertEquals(result.exitCode, 0);
    for (const name of await partsOf(path)) {
      assertEquals((await linesIn(name)).filter(isBody).length, 1, name);
    }
  });
});
