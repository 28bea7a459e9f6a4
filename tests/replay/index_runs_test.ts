import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { chooseRun, indexRuns } from "../../src/replay/index_runs.ts";
import { LONGEST_LINE } from "../../src/replay/lines.ts";
import { openTranscript } from "../../src/replay/open_transcript.ts";
import { RecordedRun } from "../../src/replay/recorded_run.ts";
import { remarksOn } from "../../src/replay/remarks.ts";
import { TranscriptFiles } from "../../src/replay/transcript_files.ts";
import { heardOnce, lineOf, readTexts, START, transcriptOf, withFiles } from "./transcripts.ts";

const note = (turn: number, text = "It hums.") => ({
  event: "note",
  id: "observer",
  role: "observer",
  turn,
  text,
});

const end = { event: "end", reason: "turns", turns: 1, thoughts: 0, tokens: 0, deaths: 0 };

Deno.test("transcript: several runs in one file, the last unless another is asked for", async () => {
  const text = transcriptOf(await heardOnce());
  const other = lineOf({ ...START, sampling: { seed: 8 } }, 0) + lineOf(note(1), 1);
  const { runs } = await readTexts([text + other]);
  assertEquals(runs.map(({ start }) => start.sampling.seed), [7, 8]);
  assertEquals(runs.map(({ isWhole }) => isWhole), [true, false]);
  assertEquals(chooseRun(runs, undefined, ""), runs.at(-1));
  assertEquals(chooseRun(runs, 1, ""), runs[0]);
  const error = assertThrows(() => chooseRun(runs, 3, "talk.jsonl"), BrainjarError);
  assertEquals((error as BrainjarError).code, "no-such-run");
  // What was killed in the middle of a line, and gone on by another run.
  const cut = `${text.slice(0, -20)}\n${other}`;
  const after = await readTexts([cut]);
  assertEquals(after.runs.length, 2);
  assertEquals(after.runs[0]?.isWhole, false);
});

Deno.test("transcript: what is none is refused, and says so", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(5000));
  const table: readonly (readonly [string | Uint8Array, string])[] = [
    ["", "transcript-empty"],
    ["hello\n", "not-a-transcript"],
    ["\n", "not-a-transcript"],
    ['{"event":"start"}\n', "not-a-transcript"],
    [lineOf(note(1), 0), "not-a-transcript"],
    [bytes, "not-a-transcript"],
    ["x".repeat(LONGEST_LINE + 1), "not-a-transcript"],
    [
      lineOf({ event: "start", schema: "brainjar.transcript/2", mode: "none" }, 0),
      "transcript-damaged",
    ],
    [lineOf(START, 0).slice(0, 100), "transcript-damaged"],
  ];
  for (const [text, code] of table) {
    const error = await assertRejects(() => readTexts([text]), BrainjarError) as BrainjarError;
    assertEquals([error.code, error.kind], [code, "usage"]);
    assert(error.hint, code);
  }
});

Deno.test("transcript: a newer one is refused by its version, and only where it is asked for", async () => {
  const newer = lineOf({ event: "start", schema: "brainjar.transcript/3", shape: "another" }, 0);
  const older = lineOf(START, 0) + lineOf(note(1), 1);
  await withFiles([newer + lineOf(note(1), 1) + older], async (files) => {
    const runs = await indexRuns(files);
    assertEquals(runs.map(({ version }) => version), [3, 2]);
    assertEquals(chooseRun(runs, 2, ""), runs[1]);
    const error = assertThrows(() => chooseRun(runs, 1, "talk.jsonl"), BrainjarError);
    assertEquals((error as BrainjarError).code, "transcript-newer");
    assertEquals(
      (error as BrainjarError).message,
      "Transcript was written by a newer brainjar (brainjar.transcript/3): talk.jsonl",
    );
  });
});

Deno.test("transcript: what isn't there, a folder and a pipe", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    for (const path of [`${folder}/none`, folder, "/dev/null"]) {
      const error = assertThrows(() => TranscriptFiles.open([path]), BrainjarError);
      assertEquals((error as BrainjarError).code, "transcript-unreadable");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("transcript: a line of 100 MB is left out, and what is around it plays", async () => {
  const long = `{"event":"note","text":"${"x".repeat(1_000_000)}`;
  const chunks = function* () {
    yield lineOf(START, 0) + lineOf(note(1), 1);
    for (let written = 0; written < 100; written++) yield long;
    yield `"}\n${lineOf(note(2), 2)}`;
  };
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    const path = `${folder}/talk.jsonl`;
    using file = await Deno.open(path, { write: true, create: true });
    for (const chunk of chunks()) await file.write(new TextEncoder().encode(chunk));
    const { files, runs } = await openTranscript(path);
    const run = new RecordedRun(files, chooseRun(runs, undefined, path));
    const events = [];
    for await (const { event } of run.moments()) events.push(event.event);
    files.close();
    assertEquals(events, ["start", "note", "note"]);
    assertEquals(run.leftOut, { unknown: 0, unreadable: 0, tooLong: 1 });
    assertEquals(remarksOn(run), [
      "The transcript ends in turn 2, without the run's end: the run was cut off, or goes on",
      "1 line is left out, with more than 16 MB",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("transcript: parts of one run are one, the newest named; a missing one is told", async () => {
  const part = (number: number) =>
    lineOf(number === 1 ? START : { ...START, part: number }, number * 1000) +
    lineOf(note(number), number * 1000 + 1);
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    const path = `${folder}/talk.jsonl`;
    const earlier = lineOf({ ...START, sampling: { seed: 1 } }, 0) + lineOf(end, 1);
    await Deno.writeTextFile(`${path}.2`, earlier + part(1));
    await Deno.writeTextFile(`${path}.1`, part(2));
    await Deno.writeTextFile(path, part(3) + lineOf(end, 4000));
    const read = async () => {
      const { files, runs } = await openTranscript(path);
      const run = new RecordedRun(files, chooseRun(runs, undefined, path));
      const turns: number[] = [];
      for await (const { event } of run.moments()) {
        if (event.event === "note") turns.push(event.turn);
      }
      files.close();
      return { count: runs.length, turns, remarks: remarksOn(run) };
    };
    assertEquals(await read(), { count: 2, turns: [1, 2, 3], remarks: [] });
    await Deno.remove(`${path}.2`);
    assertEquals(await read(), {
      count: 1,
      turns: [2, 3],
      remarks: [
        "The transcript begins with part 2 of its run: deaths and lives before it aren't counted",
      ],
    });
    // Put together by hand they are the same.
    const together = `${folder}/together.jsonl`;
    await Deno.writeTextFile(together, part(1) + part(2) + part(3) + lineOf(end, 4000));
    const { files, runs } = await openTranscript(together);
    files.close();
    assertEquals(runs.map(({ turns }) => turns), [[1, 2, 3]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("transcript: where it is cut is told", async () => {
  const text = transcriptOf(await heardOnce());
  const remarks = async (length: number) =>
    remarksOn((await readTexts([text.slice(0, length)])).run);
  assertEquals(await remarks(text.length), []);
  assertEquals(await remarks(text.length - 1), []);
  assertEquals(await remarks(text.length - 9), [
    "The transcript ends in turn 8, in the middle of a line: the run was cut off, or goes on",
  ]);
  assertEquals(await remarks(text.indexOf("\n") + 1), [
    "The transcript ends before the first turn, without the run's end: the run was cut off, or goes on",
  ]);
});
