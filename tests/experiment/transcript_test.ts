import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { openTranscript } from "../../src/experiment/transcript.ts";
import { named, play } from "./stage.ts";

async function withFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-transcript-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("transcript: a JSON object a line, the same bytes for the same seed", async () => {
  await withFolder(async (folder) => {
    const texts: string[] = [];
    for (const name of ["a", "b"]) {
      const path = `${folder}/${name}.jsonl`;
      await Deno.writeTextFile(path, "of an earlier run\n");
      await play({ contextSize: 700, turns: 10, transcript: openTranscript(path) });
      texts.push(await Deno.readTextFile(path));
    }
    assertEquals(texts[0], texts[1]);
    const lines = (texts[0] ?? "").trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines[0].schema, "brainjar.transcript/1");
    assertEquals(lines[0].sampling.seed, 7);
    assertEquals(lines.at(-1).event, "end");
    const names = new Set(lines.map((line) => line.event));
    assertEquals(
      [...names].toSorted(),
      ["death", "end", "note", "resurrection", "start", "thought", "whisper"],
    );
  });
});

Deno.test("transcript: every line is in the file as soon as it is told", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    let seen = 0;
    await play({
      transcript: openTranscript(path),
      onEvent: (event) => {
        if (event.event !== "thought") return;
        const last = Deno.readTextFileSync(path).trimEnd().split("\n").at(-1) ?? "";
        assertEquals(JSON.parse(last).text, event.text);
        seen++;
      },
    });
    assertEquals(seen, 9);
  });
});

Deno.test("transcript: what can't be written is refused before anything else", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const path of [folder, `${folder}/missing/talk.jsonl`, `${folder}/file/talk.jsonl`, ""]) {
      const error = assertThrows(() => openTranscript(path), BrainjarError) as BrainjarError;
      assertEquals([error.code, error.kind], ["log-unwritable", "usage"]);
      assert(error.message.includes(path) && error.hint, error.message);
    }
  });
});

Deno.test("transcript: no permission to write", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/locked`;
    await Deno.writeTextFile(path, "");
    await Deno.chmod(path, 0o400);
    try {
      openTranscript(path).close();
      console.log("Skipped: this user may write anywhere");
    } catch (error) {
      assert(error instanceof BrainjarError && error.hint?.includes("may write"), String(error));
    }
  });
});

Deno.test({
  name: "transcript: a full disk is one warning, and the run goes on",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { result, events } = await play({ transcript: openTranscript("/dev/full") });
    assertEquals([result.reason, result.exitCode], ["turns", 0]);
    assertEquals(named(events, "warning").map(({ code }) => code), ["log-unwritable"]);
    assertEquals(named(events, "thought").length, 9);
  },
});
