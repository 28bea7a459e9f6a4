import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { jsonLines, plainLines } from "../../src/cli/run/lines.ts";
import { summary } from "../../src/cli/run/summary.ts";
import { AnswerQueue } from "../../src/cli/terminal/answer_queue.ts";
import { fitParagraphs, type Paragraph } from "../../src/report/short/paragraph.ts";
import { Viewers } from "../../src/view/viewers.ts";
import { play, type StageOptions } from "../experiment/stage.ts";

/** What a run leaves as lines: off a terminal, or on one of so many columns. */
async function linesOf(options: StageOptions, terminal?: { columns: number; color: boolean }) {
  let told = "";
  const queue = new AnswerQueue({
    answerLater: (text) => Promise.resolve((told += text) !== ""),
    answerParagraphs: (paragraphs) => {
      if (terminal === undefined) throw new Error("Paragraphs are for a terminal");
      return Promise.resolve((told += fitParagraphs(paragraphs, terminal)) !== "");
    },
  }, () => {});
  const report: string | Paragraph[] = terminal ? [{ words: ["It fits"] }] : "IT FITS";
  const viewers = new Viewers({});
  viewers.add(plainLines({ queue, progress: undefined, report, view: () => viewers.view }));
  const { result, events } = await play({
    ...options,
    onEvent: (event) => viewers.hear(event),
    onText: (id, text) => viewers.hear({ event: "text", id, text }),
    onMemory: (sample) => viewers.hear(sample),
  });
  await viewers.caughtUp();
  return { told, result, events, view: viewers.view };
}

const SAID = {
  engine: { say: (prompt: string) => `Words of ${prompt.length}` },
} as const satisfies StageOptions;

Deno.test("lines: each thing once, a note and a whisper in place of their thoughts", async () => {
  const { told } = await linesOf({ turns: 2, ...SAID });
  const said = told.split("\n").filter((line) => /Words of/.test(line));
  assertEquals(said.map((line) => line.replace(/\d+$/, "…")), [
    "[subject] turn 1: Words of …",
    "[observer] note 1: Words of …",
    "[god] whisper 1: Words of …",
    "[subject] turn 2: Words of …",
    "[observer] note 2: Words of …",
    "[god] whisper 2: Words of …",
  ]);
  assert(told.startsWith("IT FITS\nRun in mode matrix with seed 7\nALLOCATION APPROVED"), told);
});

Deno.test("lines: what god doesn't whisper, and what was cut off, are thoughts", async () => {
  const { told } = await linesOf({ turns: 1, engine: { say: () => "Silence." } });
  assertStringIncludes(told, "[observer] note 1: Silence.\n[god] turn 1: Silence.\n");
  const cut = await linesOf({
    mode: "matrix",
    turns: undefined,
    engine: { milliseconds: { think: 1_000 }, say: () => "Rain again" },
    stopAfter: 1_500,
  });
  assertStringIncludes(cut.told, "[observer] turn 1, cut off: Rain\n");
});

Deno.test("lines: a person's whisper is one line for each subject", async () => {
  const { told } = await linesOf({
    turns: 2,
    engine: { milliseconds: { think: 1_000 } },
    onHand: (hand, clock) => void clock.sleep(1_500).then(() => hand.whisper("Look up")),
  });
  assertEquals(told.match(/^.*Look up.*$/gm), [
    "[subject] hears a hand's whisper in turn 1: Look up",
  ]);
});

Deno.test("lines: each life has one when it is over", async () => {
  const { told, events } = await linesOf({ turns: 10, contextSize: 700 });
  const deaths = events.filter(({ event }) => event === "death").length;
  const lives = told.match(/^\[\w+\] life \d+: .*$/gm) ?? [];
  assert(deaths > 0);
  assertEquals(lives.length, deaths);
  for (const life of lives) {
    assert(/: \d+ turns?, \d+ thoughts?, \d+ tokens?, \d+\.\d\d s$/.test(life), life);
  }
});

Deno.test("lines: at a terminal they are wrapped between words, and roles have colours", async () => {
  const words = "A thought that has more words than one line of a narrow terminal ever holds.";
  const options: StageOptions = { turns: 1, engine: { say: () => words } };
  const { told } = await linesOf(options, { columns: 40, color: false });
  assert(told.split("\n").every((line) => line.length <= 40));
  assertStringIncludes(
    told,
    [
      "[subject] turn 1: A thought that has",
      "          more words than one line of a",
      "          narrow terminal ever holds.",
      "[observer] note 1: A thought that has",
      "           more words than one line of a",
    ].join("\n"),
  );
  const { told: painted } = await linesOf(options, { columns: 80, color: true });
  assertStringIncludes(painted, "\u001b[36m[subject]\u001b[39m turn 1: A thought");
  assertStringIncludes(painted, "\u001b[33m[god]\u001b[39m whisper 1: A thought");
});

Deno.test("lines: what a model says holds no escape codes, at a terminal neither", async () => {
  const options: StageOptions = { turns: 1, engine: { say: () => "\u001b[2J\u001b[31mred\u0007" } };
  for (const terminal of [undefined, { columns: 60, color: false }]) {
    const { told } = await linesOf(options, terminal);
    // deno-lint-ignore no-control-regex
    assert(!/[\u0000-\u0009\u000b-\u001f]/.test(told));
    assertStringIncludes(told, "\\u{1b}[2J");
  }
});

Deno.test("lines: --json is the run's events and nothing else that viewers hear", async () => {
  let told = "";
  const queue = new AnswerQueue({
    answerLater: (text) => Promise.resolve((told += text) !== ""),
    answerParagraphs: () => Promise.resolve(false),
  }, () => {});
  const viewers = new Viewers({ pace: 200 });
  viewers.add(jsonLines(queue));
  const { events } = await play({ turns: 1, onMemory: (sample) => viewers.hear(sample) });
  viewers.setPace(undefined);
  viewers.hear({ event: "text", id: "god", text: "Look" });
  for (const event of events) viewers.hear(event);
  await viewers.caughtUp();
  const names = told.trimEnd().split("\n").map((line) => JSON.parse(line).event);
  assertEquals(names, events.map(({ event }) => event));
});

Deno.test("summary: how it ended, what was given back, and the last lives", async () => {
  const { view, result } = await linesOf({ turns: 40, contextSize: 700 });
  const text = fitParagraphs(summary(view, result), { columns: 100, color: false });
  const [end, given, before, ...lives] = text.trimEnd().split("\n");
  assert(end?.startsWith("Run ended as asked: 40 turns, "), end);
  assert(given?.startsWith("Given back: ") && given.endsWith("still reserved: 0 bytes"), given);
  assert(/^\d+ lives before these:$/.test(before ?? ""), before);
  assertEquals(lives.length, 13, "Twelve that are over, and the one that lived on");
  assert(lives.some((life) => life.endsWith("; its context was full")), text);
  assert(lives.at(-1)?.endsWith("; it lived on"), text);
});

Deno.test("summary: what went wrong stays where a run was refused", async () => {
  const { view, result } = await linesOf({
    available: (_, events) => (events.length === 0 ? 15 : 2) * 1024 ** 3,
  });
  assertEquals(result.reason, "refused");
  const text = fitParagraphs(summary(view, result), { columns: 100, color: false });
  assertStringIncludes(text, "WARNING: Layer ");
  assertStringIncludes(text, "Run refused: the jars do not all fit");
});
