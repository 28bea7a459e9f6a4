import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EMPTY_VIEW, type RunView } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import { chooseRun, indexRuns } from "../../src/replay/index_runs.ts";
import { RecordedRun } from "../../src/replay/recorded_run.ts";
import {
  firstVersionOf,
  heardOnce,
  lineOf,
  readTexts,
  START,
  transcriptOf,
  withFiles,
} from "./transcripts.ts";

/**
 * What of a view a transcript gives again: not what is measured and left out (amounts in the lines of
 * allocations and deaths, speeds), nor recommendations, which JSON has as flags.
 */
function comparable({ validation, happenings, end, jars, ...view }: RunView): unknown {
  return JSON.parse(JSON.stringify({
    ...view,
    validation: validation && { ...validation, recommendations: [] },
    happenings: happenings.map(({ text: _, ...happening }) => happening),
    end: end && [end.reason, end.exitCode, end.turns, end.thoughts, end.deaths, end.resurrections],
    jars: jars.map(({ tokensPerSecond: _, ...jar }) => jar),
  }));
}

Deno.test("recorded run: what is seen of it is what was seen while it ran", async () => {
  const heard = await heardOnce();
  const live = heard.reduce((view, [event, at]) => see(view, event, at), EMPTY_VIEW);
  const { moments, run } = await readTexts([transcriptOf(heard)]);
  assertEquals(comparable(moments.at(-1)?.view ?? EMPTY_VIEW), comparable(live));
  assertEquals(run.leftOut, { unknown: 0, unreadable: 0, tooLong: 0 });
  assertEquals(run.index.isWhole, true);
});

Deno.test("recorded run: in pieces, thoughts arrive and nothing else differs", async () => {
  const text = transcriptOf(await heardOnce());
  const whole = await readTexts([text]);
  const pieces = await readTexts([text], true);
  assert(pieces.moments.length > whole.moments.length);
  assert(pieces.moments.some(({ view }) => view.jars.some(({ state }) => state === "thinking")));
  assertEquals(
    comparable(pieces.moments.at(-1)?.view ?? EMPTY_VIEW),
    comparable(whole.moments.at(-1)?.view ?? EMPTY_VIEW),
  );
});

Deno.test("recorded run: the first version's has words, deaths and lives, and no figures of memory", async () => {
  const heard = await heardOnce();
  const live = heard.reduce((view, [event, at]) => see(view, event, at), EMPTY_VIEW);
  const { moments, run } = await readTexts([firstVersionOf(heard)]);
  assertEquals(run.leftOut, { unknown: 0, unreadable: 0, tooLong: 0 });
  const view = moments.at(-1)?.view ?? EMPTY_VIEW;
  assertEquals(view.utterances, live.utterances);
  assertEquals(view.phase, "ended");
  const shape = ({ lives }: RunView) =>
    lives.map(({ bornAt: _, bornTurn: __, turns: ___, ...life }) => life);
  assertEquals(shape(view), shape(live));
  assertEquals(view.end?.resurrections, live.end?.resurrections);
  assert(view.happenings.every(({ text }) => !text.includes(" GB")), "No figure is made up");
});

Deno.test("recorded run: any prefix of a transcript plays, and gives the view of its events", async () => {
  const heard = await heardOnce();
  const text = transcriptOf(heard);
  const first = text.indexOf("\n") + 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: first, max: text.length }), async (length) => {
      const { moments, runs } = await readTexts([text.slice(0, length)]);
      const whole = text.slice(0, length).split("\n").length - 1;
      const isAtEnd = text[length] === "\n" || length === text.length;
      const lines = text.slice(0, length).endsWith("\n") ? whole : isAtEnd ? whole + 1 : whole;
      assertEquals(moments.length, lines);
      assertEquals(runs[0]?.isCutInLine, !isAtEnd && !text.slice(0, length).endsWith("\n"));
      let view = EMPTY_VIEW;
      for (const moment of moments) view = see(view, moment.event, moment.at);
      assertEquals(moments.at(-1)?.view, view);
    }),
    { numRuns: 40, seed: 1 },
  );
});

Deno.test("recorded run: from any mark on, it goes on as from the beginning", async () => {
  const text = transcriptOf(await heardOnce());
  const { moments } = await readTexts([text]);
  await withFiles([text], async (files) => {
    const index = chooseRun(await indexRuns(files), 1, "");
    const run = new RecordedRun(files, index);
    for (const at of [0, 3, Math.floor(moments.length / 2), moments.length - 1]) {
      const mark = moments[at] ?? run.beginning;
      const rest = [];
      for await (const moment of run.moments(mark)) rest.push(moment);
      assertEquals(rest, moments.slice(at + 1));
    }
  });
});

Deno.test("recorded run: lines that say nothing are left out and counted, and time never goes back", async () => {
  const note = { event: "note", id: "observer", role: "observer", turn: 1, text: "It hums." };
  const text = lineOf(START, 0) +
    lineOf(note, 5000) +
    lineOf({ event: "sneeze", turn: 1 }, 6000) +
    lineOf({ event: "note", turn: "one" }, 6000) +
    "\n[1]\n{oops\nnull\n" +
    lineOf({ ...note, turn: 2 }, 1000) +
    lineOf({ ...note, turn: 3, time: "yesterday" }, 0) +
    lineOf({ ...note, turn: 4 }, 7000);
  const { moments, run } = await readTexts([text]);
  assertEquals(moments.map(({ at }) => at), [0, 5000, 6000, 6000, 7000]);
  assertEquals(run.leftOut, { unknown: 1, unreadable: 4, tooLong: 0 });
  assertEquals(run.backwards, 1);
  assertEquals(run.index.turns, [1, 2, 3, 4]);
  assertEquals(run.index.isWhole, false);
});
