import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PacedEvents } from "../../src/view/paced_events.ts";
import type { ViewEvent } from "../../src/view/view_event.ts";
import { FakeClock } from "../experiment/fake_clock.ts";
import { sample } from "./sample_run.ts";

const THOUGHT_END = {
  event: "note",
  id: "a",
  role: "observer",
  turn: 1,
  text: "",
} as const satisfies ViewEvent;

const text = (words: string, id = "a"): ViewEvent => ({ event: "text", id, text: words });

function open(pace: number | undefined) {
  const clock = new FakeClock();
  const told: { event: ViewEvent; at: number }[] = [];
  const events = new PacedEvents({
    clock,
    pace,
    handOut: (event) => told.push({ event, at: clock.now() }),
  });
  const words = () => told.filter(({ event }) => event.event === "text");
  const said = () => words().map(({ event }) => event.event === "text" ? event.text : "").join("");
  return { clock, told, events, words, said };
}

Deno.test("pace: without one, an event is told by the time that it was pushed", () => {
  const { events, told } = open(undefined);
  events.push(text("one two three"));
  events.push(THOUGHT_END);
  assertEquals(told.map(({ event }) => event.event), ["text", "note"]);
});

Deno.test("pace: words a minute, and what comes after them waits", async () => {
  const { events, told, words } = open(120);
  events.push(text("one two three four five"));
  events.push(THOUGHT_END);
  assertEquals(words().length, 1, "The first is told at once");
  await events.drained();
  assertEquals(words().map(({ at }) => at), [0, 500, 1000, 1500, 2000]);
  assertEquals(told.at(-1), { event: THOUGHT_END, at: 2000 });
});

Deno.test("pace: pieces of one word are told together", async () => {
  const { events, words } = open(120);
  for (const piece of ["un", "der", "stand", " it", "."]) events.push(text(piece));
  await events.drained();
  assertEquals(words().map(({ at }) => at), [0, 0, 0, 500, 500]);
});

Deno.test("pace: a language without spaces has one too", async () => {
  const { events, words, said } = open(120);
  events.push(text("私は瓶の中の心です".repeat(8)));
  await events.drained();
  assertEquals(said(), "私は瓶の中の心です".repeat(8));
  assertEquals(words().map(({ at }) => at), [0, 500, 1000, 1500, 2000, 2500]);
});

Deno.test("pace: what is sampled more slowly than it is read is told when it comes", async () => {
  const { events, words, clock } = open(600);
  const began: number[] = [];
  for (let word = 0; word < 50; word++) {
    await clock.sleep(150);
    began.push(clock.now());
    events.push(text(` word${word}`));
  }
  await events.drained();
  assertEquals(words().map(({ at }) => at), began);
});

Deno.test("pace: a long thought takes no longer than one of 33 words", async () => {
  for (const count of [40, 1000, 20_000]) {
    const { events, words, clock } = open(200);
    events.push(text("word ".repeat(count).trimEnd()));
    events.push(THOUGHT_END);
    await events.drained();
    assertEquals(words().length, count);
    assert(clock.now() >= 9_000 && clock.now() <= 10_000, `${count} words in ${clock.now()} ms`);
  }
});

Deno.test("pace: a change takes effect at once, in the middle of a wait too", async () => {
  const { events, words, clock } = open(1);
  events.push(text("one two three four"));
  await clock.sleep(1000);
  assertEquals(words().length, 1);
  events.pace = 600;
  await clock.sleep(95);
  assertEquals(words().length, 2);
  events.pace = undefined;
  await events.drained();
  assertEquals(words().length, 4);
  assert(clock.now() < 1200);
});

Deno.test("pace: what is held stays, but for what memory looks like now", async () => {
  const { events, told, words, clock } = open(120);
  const [old, fresh] = [sample(1, ["a"], ["a"]), sample(2, ["a"], ["a"])];
  events.push(text("one two three"));
  events.push(old);
  events.hold();
  events.push(fresh);
  await clock.sleep(60_000);
  assertEquals([words().length, told.at(-1)?.event], [1, fresh]);
  events.resume();
  await events.drained();
  assertEquals(words().length, 3);
  assert(told.every(({ event }) => event !== old), "An older moment isn't shown after it");
});

Deno.test("pace: a flush tells all of it in order, a held one too", async () => {
  const { events, said, told, clock } = open(60);
  events.push(text("one two three"));
  events.hold();
  events.push(THOUGHT_END);
  events.flush();
  assertEquals([said(), told.at(-1)?.event], ["one two three", THOUGHT_END]);
  await events.drained();
  events.push(text("four"));
  await clock.sleep(10_000);
  assertEquals(said(), "one two three", "It is still held");
  events.finish();
  assertEquals(said(), "one two threefour");
});

Deno.test("pace: whatever comes whenever, all is told once and in order", async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ does: fc.constant("text" as const), words: fc.string({ maxLength: 30 }) }),
      fc.record({ does: fc.constantFrom("hold", "resume", "flush", "fast", "slow", "end") }),
      fc.record({ does: fc.constant("wait" as const), words: fc.constant("") }),
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const { events, said, told, clock } = open(300);
      let pushed = "";
      let ends = 0;
      for (const step of steps) {
        switch (step.does) {
          case "text":
            if (!("words" in step)) break;
            events.push(text(step.words));
            pushed += step.words;
            break;
          case "end":
            events.push({ ...THOUGHT_END, text: pushed });
            ends++;
            break;
          case "wait":
            await clock.sleep(400);
            break;
          case "fast":
            events.pace = undefined;
            break;
          case "slow":
            events.pace = 100;
            break;
          case "hold":
          case "resume":
          case "flush":
            events[step.does]();
        }
      }
      events.resume();
      await events.drained();
      assertEquals(said(), pushed);
      let heard = "";
      for (const { event } of told) {
        if (event.event === "text") heard += event.text;
        else if (event.event === "note") assertEquals(event.text, heard);
      }
      assertEquals(told.filter(({ event }) => event.event === "note").length, ends);
    }),
    { numRuns: 200 },
  );
});
