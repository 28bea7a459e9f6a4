import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cellsOf } from "../../src/screen/drawing/cells.ts";
import type { DrawOptions, Size } from "../../src/screen/drawing/draw_options.ts";
import { drawScreen } from "../../src/screen/drawing/draw_screen.ts";
import { lineCells, paint } from "../../src/screen/drawing/styled.ts";
import { REPLAY_KEYS, RUN_KEYS } from "../../src/screen/keys.ts";
import { INITIAL_STATE, type ScreenState } from "../../src/screen/screen_state.ts";
import { EMPTY_VIEW, type RunView } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import { assertGolden } from "../golden.ts";
import { sampleRun } from "../view/sample_run.ts";
import {
  hostileView,
  jar,
  said,
  viewOfPlaces,
  viewOfRun,
  viewWithDeathAndDevices,
} from "./views.ts";

const SIZES: readonly Size[] = [
  { columns: 120, rows: 40 },
  { columns: 80, rows: 24 },
  { columns: 40, rows: 15 },
  { columns: 10, rows: 3 },
];

const OPTIONS: DrawOptions = { state: INITIAL_STATE, keys: RUN_KEYS, report: "" };

/** What a person sees, a line each; escapes are written out. */
function drawn(
  view: RunView,
  size: Size,
  { color = false, ...options }: Partial<DrawOptions> & { readonly color?: boolean } = {},
): string {
  const { lines } = drawScreen(view, size, { ...OPTIONS, ...options });
  assertEquals(lines.length, size.rows);
  return lines.map((line) => paint(line, { color }).trimEnd()).join("\n")
    .replaceAll("\u001b", "␛");
}

for (const size of SIZES) {
  const name = `${size.columns}x${size.rows}`;

  Deno.test(`screen: a run at ${name}`, async () => {
    await assertGolden(`screen-run-${name}`, drawn(viewOfRun(), size));
  });

  Deno.test(`screen: a dead jar, one that is gone, and a card at ${name}`, async () => {
    await assertGolden(`screen-dead-${name}`, drawn(viewWithDeathAndDevices(), size));
  });

  Deno.test(`screen: jars in processes of their own at ${name}`, async () => {
    await assertGolden(`screen-places-${name}`, drawn(viewOfPlaces(), size));
  });

  Deno.test(`screen: hostile names and words at ${name}`, async () => {
    await assertGolden(`screen-hostile-${name}`, drawn(hostileView(), size));
  });

  Deno.test(`screen: the validation at ${name}`, async () => {
    const report = await Deno.readTextFile(
      new URL("../../fixtures/goldens/validation-passed.txt", import.meta.url),
    );
    const state: ScreenState = { ...INITIAL_STATE, open: { kind: "validation", scrolled: 3 } };
    await assertGolden(`screen-validation-${name}`, drawn(viewOfRun(), size, { report, state }));
  });
}

Deno.test("screen: the page's address stands there whole, however much has happened since", async () => {
  const pageUrl = "http://127.0.0.1:40589/#VItuEFvrLu_WlCtQGtfH2UJ2";
  let end = EMPTY_VIEW;
  for (const [event, at] of await sampleRun()) end = see(end, event, at);
  for (const size of SIZES.slice(0, 2)) {
    const text = drawn(end, size, { pageUrl });
    assert(text.includes(` page    ${pageUrl}`), text);
    assertEquals(text.includes("up to the # to watch only"), size.columns === 120);
  }
});

Deno.test("screen: a run in colour", async () => {
  for (const size of SIZES.slice(0, 3)) {
    const name = `screen-color-${size.columns}x${size.rows}`;
    await assertGolden(name, drawn(viewOfRun(), size, { color: true }));
  }
});

Deno.test("screen: the help, a line that is typed, an answer, a replay", async () => {
  const size = { columns: 80, rows: 24 };
  const parts = [
    drawn(viewOfRun(), size, { state: { ...INITIAL_STATE, open: { kind: "help", scrolled: 0 } } }),
    ...[
      { editing: { kind: "whisper" as const, line: { before: "Let ", after: "go" } } },
      { message: "There is no subject to whisper to" },
      { isQuitting: true },
      { loading: { model: "/models/brain.gguf", fraction: 0.456 } },
      { said: [{ after: 4, text: "Reading https://…; it is given up after 60 s" }] },
    ].map((change) => drawn(viewOfRun(), size, { state: { ...INITIAL_STATE, ...change } })),
    drawn(viewOfRun(), size, { keys: REPLAY_KEYS, speed: 4 }),
    drawn(EMPTY_VIEW, size),
  ];
  await assertGolden("screen-states-80x24", parts.join("\n=====\n"));
});

Deno.test("screen: the cursor is where the next character goes", () => {
  const line = { before: "日本 a", after: "go" };
  const state: ScreenState = { ...INITIAL_STATE, editing: { kind: "whisper", line } };
  const { cursor } = drawScreen(viewOfRun(), { columns: 80, rows: 24 }, { ...OPTIONS, state });
  assertEquals(cursor, { row: 24, column: cellsOf(" Whisper to the subject: 日本 a") + 1 });
  const long = { before: "a".repeat(500), after: "b".repeat(500) };
  for (const columns of [1, 2, 10, 40, 200]) {
    const drawing = drawScreen(viewOfRun(), { columns, rows: 5 }, {
      ...OPTIONS,
      state: { ...INITIAL_STATE, editing: { kind: "whisper", line: long } },
    });
    assert((drawing.cursor?.column ?? 0) <= columns);
  }
});

Deno.test("screen: nothing is told by colour alone", () => {
  const size = { columns: 120, rows: 40 };
  const text = drawn(viewWithDeathAndDevices(), size);
  for (const word of ["† dead", "† gone", "PAUSED", "▶ 1 SUBJECT", "2 OBSERVER", "3 GOD"]) {
    assert(text.includes(word), word);
  }
  assert(text.includes("† died: a hand ended it."), text);
});

Deno.test("screen: a full context frays its words, the same ones each time, and no figure", () => {
  const size = { columns: 120, rows: 40 };
  const words = "There are 4096 tokens between this sentence and the end";
  const view = (fill: number) => viewOfRun({ utterances: [said(1, 12, "observer", words, fill)] });
  assert(drawn(view(0.8), size).includes("There are 4096 tokens between"));
  const full = drawn(view(1), size);
  assert(!full.includes("tokens between") && full.includes("4096"), full);
  assertEquals(full, drawn(view(1), size));
});

Deno.test("screen: a run of the fake engine, event by event", async () => {
  let view = EMPTY_VIEW;
  const shown = new Set<string>();
  for (const [event, at] of await sampleRun()) {
    view = see(view, event, at);
    for (const size of SIZES.slice(1)) shown.add(drawn(view, size));
  }
  const all = [...shown].join("\n");
  for (
    const word of ["loading", "thinking", "† died:", "came back", "ended"]
  ) {
    assert(all.includes(word), word);
  }
});

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.stringMatching(/^[a-z ]{0,80}$/),
);
const bytes = fc.nat({ max: 2 ** 45 });
const anyJar = fc.record({
  id: anyText,
  role: fc.constantFrom("subject" as const, "observer" as const, "god" as const),
  state: fc.constantFrom("waiting", "loading", "alive", "thinking", "dead", "gone"),
  limitBytes: bytes,
  reservedBytes: bytes,
  residentBytes: bytes,
  contextTokens: fc.nat(),
  contextSize: fc.nat(),
  deaths: fc.nat(),
  prompt: anyText.map((text) => `Your vital signs: ${text}`),
  thought: fc.record({ turn: fc.nat(), text: anyText, isWhole: fc.boolean() }),
  devices: fc.array(
    fc.record({ id: anyText, reservedBytes: bytes, residentBytes: bytes }),
    { maxLength: 2 },
  ),
}).map((changes) => ({ ...jar("subject"), ...changes }) as RunView["jars"][number]);

const anyView = fc.record({
  jars: fc.array(anyJar, { maxLength: 9 }),
  texts: fc.array(fc.tuple(anyText, fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 8 }),
  turn: fc.nat({ max: 1e6 }),
}).map(({ jars, texts, turn }) =>
  viewOfRun({
    jars,
    turn,
    utterances: texts.map(([text, fill], index) => ({
      ...said(index, turn, "subject", text, fill),
      ...(jars[0] === undefined ? {} : { id: jars[0].id, role: jars[0].role }),
    })),
    happenings: texts.map(([text], index) => ({
      number: index,
      at: index,
      turn,
      kind: "warning",
      text,
    })),
  })
);

const anySize = fc.record({
  columns: fc.integer({ min: 1, max: 220 }),
  rows: fc.integer({ min: 1, max: 60 }),
});

const anyState: fc.Arbitrary<ScreenState> = fc.oneof(
  fc.nat({ max: 12 }).map((chosen) => ({ ...INITIAL_STATE, chosen })),
  anyText.map((message) => ({ ...INITIAL_STATE, message })),
  fc.tuple(anyText, anyText).map(([before, after]) => ({
    ...INITIAL_STATE,
    editing: { kind: "whisper" as const, line: { before, after } },
  })),
  fc.tuple(fc.constantFrom("help" as const, "validation" as const), fc.nat({ max: 200 }))
    .map(([kind, scrolled]) => ({ ...INITIAL_STATE, open: { kind, scrolled } })),
);

Deno.test("screen: whatever is seen at whatever size, every line fills the terminal and none passes it", () => {
  fc.assert(
    fc.property(anyView, anySize, anyState, anyText, (view, size, state, report) => {
      const { lines } = drawScreen(view, size, { ...OPTIONS, state, report });
      assertEquals(lines.length, size.rows);
      for (const line of lines) {
        assertEquals(lineCells(line), size.columns, JSON.stringify(line));
        const text = paint(line, { color: false });
        assertEquals(cellsOf(text), size.columns, JSON.stringify(line));
        assert(!/\p{Cc}|\p{Cs}|\p{Bidi_Control}/u.test(text), JSON.stringify(text));
      }
    }),
    { numRuns: 300 },
  );
});
