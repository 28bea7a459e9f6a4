import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import type { TranscriptLine } from "../../src/experiment/transcript.ts";
import { openTranscript } from "../../src/experiment/transcript_file/open_transcript.ts";
import { GB } from "../../src/budget/size.ts";
import { renderEvent } from "../../src/report/event_text.ts";
import { named, play } from "./stage.ts";
import { linesIn, withFolder } from "./transcript_files.ts";

Deno.test("transcript: a JSON object a line, the same but for the times for the same seed", async () => {
  await withFolder(async (folder) => {
    const written = [];
    for (const [index, name] of ["a", "b"].entries()) {
      const path = `${folder}/${name}.jsonl`;
      const time = new Date(Date.UTC(2026, index, 1, 12));
      await play({
        contextSize: 700,
        turns: 10,
        // What was measured differs.
        available: () => (14 + index) * GB,
        engine: { milliseconds: { think: 1 + 700 * index } },
        transcript: openTranscript(path, { now: () => time }),
      });
      const lines = await linesIn(path);
      for (const line of lines) assertEquals(line.time, time.toISOString());
      const repeated = lines.filter(({ event }) => event !== "memory" && event !== "validation");
      assert(repeated.length < lines.length - 1, "memory and the validation are there too");
      written.push(repeated.map(({ time: _, ...line }) => line));
    }
    assertEquals(written[0], written[1]);
    const lines = written[0] ?? [];
    assertEquals(lines[0]?.schema, "brainjar.transcript/2");
    assertEquals((lines[0]?.sampling as { seed: number }).seed, 7);
    assertEquals(lines.at(-1)?.event, "end");
    const names = new Set(lines.map((line) => line.event));
    assertEquals(
      [...names].toSorted(),
      [
        "allocated",
        "death",
        "end",
        "loaded",
        "note",
        "resurrection",
        "start",
        "thought",
        "whisper",
      ],
    );
    const thoughts = lines.filter(({ event }) => event === "thought");
    assert(thoughts.every(({ prompt }) => typeof prompt === "string" && prompt !== ""), "prompts");
  });
});

Deno.test("transcript: an earlier run's stays, and this one's comes after it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    await play({ turns: 1, transcript: openTranscript(path) });
    const first = await Deno.readTextFile(path);
    await play({ turns: 2, transcript: openTranscript(path) });
    const both = await Deno.readTextFile(path);
    assert(both.startsWith(first));
    const starts = (await linesIn(path)).filter(({ event }) => event === "start");
    assertEquals(starts.map(({ turns }) => turns), [1, 2]);

    // As a kill -9 in the middle of a line leaves it.
    await Deno.writeTextFile(path, first.slice(0, -9));
    await play({ turns: 1, transcript: openTranscript(path) });
    const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
    assertEquals(JSON.parse(lines.at(-1) ?? "").event, "end");
    assertEquals(JSON.parse(lines[first.trimEnd().split("\n").length] ?? "").event, "start");
  });
});

Deno.test("transcript: what is none is left as it is, by whatever name", async () => {
  await withFolder(async (folder) => {
    const precious = `${folder}/model.gguf`;
    await Deno.writeTextFile(precious, "GGUF and all that");
    await Deno.link(precious, `${folder}/hard.jsonl`);
    await Deno.symlink(precious, `${folder}/soft.jsonl`);
    await Deno.writeTextFile(`${folder}/other.jsonl`, '{"event":"start","schema":"another/1"}\n');
    for (const name of ["model.gguf", "hard.jsonl", "soft.jsonl", "other.jsonl"]) {
      const path = `${folder}/${name}`;
      const before = await Deno.readTextFile(path);
      const error = assertThrows(() => openTranscript(path), BrainjarError) as BrainjarError;
      assertEquals([error.code, error.kind], ["log-not-a-transcript", "usage"]);
      assertEquals(await Deno.readTextFile(path), before);
    }
  });
});

Deno.test("transcript: two runs don't write to one file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/talk.jsonl`;
    const first = openTranscript(path);
    assertEquals(assertThrows(() => openTranscript(path), BrainjarError).code, "log-in-use");
    first.write({ event: "start", schema: "brainjar.transcript/1" });
    assertEquals(assertThrows(() => openTranscript(path), BrainjarError).code, "log-in-use");
    first.close();
    openTranscript(path).close();
    assertEquals((await linesIn(path)).length, 1);
  });
});

Deno.test({
  name: "transcript: a pipe without a reader is refused and not waited for",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/pipe`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      assertEquals(assertThrows(() => openTranscript(path), BrainjarError).code, "log-unwritable");
    });
  },
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
  name: "transcript: on a full disk the run goes on, tells it at once and at its end, and fails",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { result, events } = await play({ transcript: openTranscript("/dev/full") });
    assertEquals([result.reason, result.exitCode], ["turns", 3]);
    assertEquals(events[1], named(events, "warning")[0]);
    assertEquals(named(events, "warning").map(({ code }) => code), ["log-unwritable"]);
    assertEquals(named(events, "thought").length, 9);
    assertEquals(result.transcriptFailure, "Log file can't be written any more: /dev/full");
    assert(renderEvent(result).includes("The transcript isn't whole: Log file can't be written"));
  },
});

Deno.test("transcript: a last line that can't be written is told before the end", async () => {
  let failure: BrainjarError | undefined;
  const transcript = {
    get failure() {
      return failure;
    },
    write: ({ event }: TranscriptLine) => {
      if (event === "end") {
        failure = new BrainjarError("log-unwritable", "Full", { kind: "engine" });
      }
    },
    close: () => {},
  };
  const { result, events } = await play({ transcript });
  assertEquals([result.exitCode, result.transcriptFailure], [3, "Full"]);
  assertEquals(events.slice(-2).map(({ event }) => event), ["warning", "end"]);
  const stopped = await play({ transcript, stopAfter: 0 });
  assertEquals(stopped.result.exitCode, 130);
});
