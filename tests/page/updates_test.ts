import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { applyPatch } from "../../src/page/assets/patch.js";
import { type PageState, PageStates } from "../../src/page/page_state.ts";
import { patchOf } from "../../src/page/patch.ts";
import { type Reader, Readers } from "../../src/page/readers.ts";
import {
  KEPT_BYTES,
  MILLISECONDS_A_READER,
  type Timer,
  UPDATE_MILLISECONDS,
  Updates,
} from "../../src/page/updates.ts";
import { EMPTY_VIEW } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import { sampleRun } from "../view/sample_run.ts";

/** A state as JSON carries it. */
function sent<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value));
}

/** Time that goes on when a test says so. */
class FakeTimer implements Timer {
  #now = 0;
  #waiting: { readonly at: number; readonly run: () => void }[] = [];

  after(milliseconds: number, run: () => void): () => void {
    const entry = { at: this.#now + milliseconds, run };
    this.#waiting.push(entry);
    return () => this.#waiting = this.#waiting.filter((other) => other !== entry);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#waiting.toSorted((one, other) => one.at - other.at)[0];
      if (next === undefined || next.at > end) break;
      this.#waiting = this.#waiting.filter((entry) => entry !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

Deno.test("page: any value and its patch make the next value", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
    const patch = patchOf(before, after);
    const made = patch === undefined ? before : applyPatch(before, sent(patch));
    assertEquals(sent(made), sent(after));
  }));
});

Deno.test("page: lists that lose their first, change and grow", () => {
  const item = fc.record({ n: fc.nat(9), text: fc.string() });
  fc.assert(fc.property(
    fc.array(item, { maxLength: 12 }),
    fc.array(item, { maxLength: 4 }),
    fc.nat(12),
    fc.option(fc.nat(11), { nil: undefined }),
    (before, added, dropped, changed) => {
      const after = [...before.slice(dropped), ...added].map((one, index) =>
        index === changed ? { ...one, text: `${one.text}!` } : one
      );
      const patch = patchOf(before, after);
      assertEquals(patch === undefined ? before : applyPatch(before, sent(patch)), after);
    },
  ));
});

Deno.test("page: what is sent of a run, however its updates fall, is what is seen of it", async () => {
  const heard = await sampleRun({ turns: 6 });
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1 }), fc.nat(99), (steps, start) => {
      const states = new PageStates();
      let view = EMPTY_VIEW;
      let before: PageState = states.of(view, {});
      let shown: unknown = sent(before);
      let next = start % heard.length;
      for (const [event, at] of heard.slice(0, next)) view = see(view, event, at);
      for (const step of steps) {
        for (const [event, at] of heard.slice(next, next + step)) view = see(view, event, at);
        next += step;
        const after = states.of(view, {});
        const patch = patchOf(before, after);
        if (patch !== undefined) shown = applyPatch(shown, sent(patch));
        before = after;
        assertEquals(shown, sent(after));
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("page: a piece of a thought is a small update, whatever was said before", async () => {
  const heard = await sampleRun({ turns: 8 });
  const states = new PageStates();
  let view = EMPTY_VIEW;
  for (const [event, at] of heard.slice(0, -2)) view = see(view, event, at);
  view = see(view, { event: "text", id: "subject", text: "I am " }, view.at);
  const before = states.of(view, {});
  const after = states.of(
    see(view, { event: "text", id: "subject", text: "here" }, view.at + 1),
    {},
  );
  const patch = JSON.stringify(patchOf(before, after));
  assert(patch.length < 200, patch);
  assert(JSON.stringify(after).length > 20 * patch.length);
});

Deno.test("page: no text of a run has an escape code or turns a line around", () => {
  const states = new PageStates();
  const text = "a\u001b[2J\u202eb\nc";
  const view = see(
    { ...EMPTY_VIEW, pools: [], shared: [{ model: text, ids: [text], bytes: 1 }] },
    { event: "warning", code: "x", message: text },
    1,
  );
  const state = JSON.stringify(states.of(view, {}));
  assert(!state.includes("\\u001b") && !state.includes("\u202e"), state);
  assertEquals(states.of(view, {}).shared[0]?.model, "a\\u{1b}[2J\\u{202e}b\nc");
});

/** Someone who reads all that comes, or nothing any more. */
class Listener {
  #text = "";
  isReading = true;
  isEnded = false;
  isDestroyed = false;
  readonly #reader: Reader;

  constructor(readers: Readers, lastId?: string) {
    this.#reader = readers.open(
      {
        write: (bytes) => {
          this.#text += new TextDecoder().decode(bytes);
          return this.isReading;
        },
        end: () => this.isEnded = true,
        destroy: () => this.isDestroyed = true,
      },
      {},
      lastId,
    );
  }

  /** What came since it was asked last. */
  heard(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  leave(): void {
    this.#reader.left();
  }
}

const eventsIn = (text: string) => [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);

Deno.test("page: updates are sent at once, then at most ten a second, each encoded once", () => {
  const timer = new FakeTimer();
  let turn = 0;
  let asked = 0;
  const updates = new Updates(() => (asked++, { turn }), timer);
  updates.touch();
  assertEquals([updates.number, asked], [0, 1], "Nobody watches: nothing is done");
  updates.setReaders(1);
  const start = updates.number;
  for (turn = 1; turn <= 1010; turn++) {
    updates.touch();
    timer.pass(1);
  }
  timer.pass(UPDATE_MILLISECONDS + MILLISECONDS_A_READER);
  // The first at once, the others a tenth of a second and a bit apart, the last change with the last.
  const gap = UPDATE_MILLISECONDS + MILLISECONDS_A_READER;
  const sent = 1 + Math.ceil(1010 / gap);
  assertEquals(updates.number - start, sent);
  assert(new TextDecoder().decode(updates.snapshot().bytes).includes(`{"turn":${turn}}`));
  timer.pass(10_000);
  assertEquals([updates.number - start, timer.waiting], [sent, 0]);
  updates.setReaders(900);
  const before = updates.number;
  const rareGap = UPDATE_MILLISECONDS + 900 * MILLISECONDS_A_READER;
  for (turn = 0; turn < 2 * rareGap + 1; turn++) {
    updates.touch();
    timer.pass(1);
  }
  assertEquals(updates.number - before, 3, "The more read, the rarer");
});

Deno.test("page: who was away for a moment is sent what it missed, and others all", () => {
  const timer = new FakeTimer();
  let text = "";
  const updates = new Updates(() => ({ text }), timer);
  const readers = new Readers(updates, timer);
  const first = new Listener(readers);
  const begun = first.heard();
  assertEquals(eventsIn(begun), ["hello", "state"]);
  const id = /^id: (.*)$/m.exec(begun)?.[1] ?? "";
  text = "a";
  updates.touch();
  timer.pass(1000);
  text = "ab";
  updates.touch();
  timer.pass(1000);
  assertEquals(eventsIn(first.heard()), ["patch", "patch"]);
  const again = new Listener(readers, id);
  assertEquals(eventsIn(again.heard()), ["hello", "patch", "patch"]);
  for (const other of [`${id}9`, "00000000-1", "x", ""]) {
    const stranger = new Listener(readers, other);
    assertEquals(eventsIn(stranger.heard()), ["hello", "state"], other);
    stranger.leave();
  }
  readers.close();
  assertEquals(eventsIn(again.heard()), ["closed"]);
  assertEquals([readers.count, timer.waiting], [0, 0]);
});

Deno.test("page: who stops reading is dropped, has no queue, and nobody else notices", () => {
  const timer = new FakeTimer();
  let text = "";
  const updates = new Updates(() => ({ text }), timer);
  const readers = new Readers(updates, timer);
  const stalled = new Listener(readers);
  stalled.isReading = false;
  const reading = new Listener(readers);
  const begun = stalled.heard().length;
  for (let sum = 0; sum <= 2 * KEPT_BYTES; sum += 10_000) {
    text = `${sum}`.padEnd(10_000, "x");
    updates.touch();
    timer.pass(1000);
    reading.heard();
  }
  assertEquals(readers.count, 1);
  assert(stalled.isDestroyed && !reading.isDestroyed);
  // One update was on its way when it stopped, and nothing has been put there since.
  assert(stalled.heard().length < 11_000 && begun > 0);
  text = "still here";
  updates.touch();
  timer.pass(1000);
  assertEquals(eventsIn(reading.heard()), ["patch"]);
  reading.leave();
  timer.pass(1000);
  assertEquals([readers.count, timer.waiting], [0, 0]);
});
