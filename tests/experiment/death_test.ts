import { assert, assertEquals } from "@std/assert";
import { GB, MB } from "../../src/budget/size.ts";
import { CONTEXT_BYTES, MODEL_BYTES, named, play, type StageOptions } from "./stage.ts";

Deno.test("a full context: dead, its bytes back, at once alive in a new one on the same model", async () => {
  const { result, events, engine } = await play({ mode: "single", contextSize: 400, turns: 60 });
  const deaths = named(events, "death");
  assert(deaths.length >= 5, `${deaths.length} deaths`);
  assert(deaths.every((death) => death.cause === "context-full" && death.reservedBytes === 0));
  assertEquals(deaths.map((death) => death.deaths), deaths.map((_, index) => index + 1));
  assert(named(events, "resurrection").length >= deaths.length - 1);
  assertEquals(engine.counts.load, 1, "Its weights stay for the moment between");
  assert(
    engine.prompts.some((prompt) => prompt.includes("You have died 2 times. Last time, your")),
  );
  assertEquals([result.exitCode, result.reservedBytes], [0, 0]);
  assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
});

Deno.test("40 deaths and resurrections in a row hold no more memory than one", async () => {
  const held: number[] = [];
  const { events } = await play({
    mode: "single",
    contextSize: 256,
    turns: 200,
    ownAnonymous: (_, bytes) => (held.push(bytes), bytes),
  });
  assert(named(events, "death").length >= 40, `${named(events, "death").length} deaths`);
  assertEquals(Math.max(...held), MODEL_BYTES + CONTEXT_BYTES);
});

/** One jar after 3 s of thinking, and what then happens to the machine for 2 s. */
const BY_MEMORY: readonly (StageOptions & { readonly cause: string })[] = [
  {
    cause: "available-memory",
    available: (now) => now > 3000 && now < 5000 ? 400 * MB + MODEL_BYTES : 15 * GB,
  },
  {
    cause: "ram-limit",
    ramLimitBytes: { subject: GB },
    ownAnonymous: (now, bytes) => now > 3000 && now < 5000 ? GB + 1 : bytes,
  },
];

for (const { cause, ...run } of BY_MEMORY) {
  Deno.test(`${cause}: killed in the middle of a thought, back when there is room`, async () => {
    const { result, events, engine, clock } = await play({
      ...run,
      mode: "single",
      turns: 6,
      engine: { milliseconds: { think: 2000 } },
    });
    const [death] = named(events, "death");
    assertEquals(death?.cause, cause);
    assert(death?.detail, "It says how much it was");
    assertEquals(engine.counts.load, 2, "The model goes too");
    const [back] = named(events, "resurrection");
    assertEquals([back?.cause, back?.deaths], [cause, 1]);
    assertEquals(engine.prompts.filter((text) => text.includes("You have died 1 time")).length, 1);
    assert(clock.now() > 6000);
    assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
    assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
  });
}

Deno.test("short of memory: god goes first, then the observer, the subject last, a second apart", async () => {
  const deaths: [string, number][] = [];
  let now = 0;
  await play({
    turns: undefined,
    stopAfter: 6500,
    engine: { milliseconds: { think: 300 } },
    available: (time) => {
      now = time;
      return time > 1500 ? 100 * MB : 15 * GB;
    },
    onEvent: (event) => {
      if (event.event === "death") deaths.push([event.id, now]);
    },
  });
  assertEquals(deaths.slice(0, 3).map(([id]) => id), ["god", "observer", "subject"]);
  assert((deaths[1]?.[1] ?? 0) - (deaths[0]?.[1] ?? 0) >= 900);
});

Deno.test("only the jar over its own limit dies for it", async () => {
  const { events } = await play({
    turns: 4,
    engine: { milliseconds: { think: 800 } },
    ramLimitBytes: { observer: 600 * MB },
    ownAnonymous: (now, bytes) => now > 2000 && now < 3500 ? bytes + 300 * MB : bytes,
  });
  assertEquals(named(events, "death").map(({ id, cause }) => [id, cause]), [
    ["observer", "ram-limit"],
  ]);
  assertEquals(named(events, "resurrection").map(({ id }) => id), ["observer"]);
});

Deno.test("the engine fails: dead, and back on a fresh model some seconds later", async () => {
  const { result, events, engine, clock } = await play({
    mode: "single",
    turns: 4,
    engine: { behave: (operation, count) => operation === "think" && count === 2 ? "fail" : "ok" },
  });
  assertEquals(named(events, "death").map(({ cause, detail }) => [cause, detail]), [
    ["engine-failed", "think broke"],
  ]);
  assertEquals(named(events, "resurrection").length, 1);
  assertEquals(
    named(events, "thought").map(({ stop }) => stop),
    ["length", "aborted", "length", "length"],
  );
  assertEquals([engine.counts.load, result.exitCode, result.reservedBytes], [2, 0, 0]);
  assert(clock.now() >= 3000);
});

for (const behaviour of ["hang", "deaf", "late"] as const) {
  Deno.test(`the engine stalls (${behaviour}): dead after 60 s, others go on`, async () => {
    const { result, events, engine, clock } = await play({
      turns: 40,
      contextSize: 60_000,
      engine: {
        milliseconds: { think: 100 },
        behave: (operation, count) => operation === "think" && count === 1 ? behaviour : "ok",
      },
    });
    const [death] = named(events, "death");
    assertEquals([death?.id, death?.cause], ["subject", "engine-stalled"]);
    assert(clock.now() >= 60_000 && clock.now() < 90_000, `${clock.now()} ms`);
    assertEquals(named(events, "resurrection").map(({ id }) => id), ["subject"]);
    assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
    if (behaviour !== "deaf") assertEquals([engine.minds, engine.orphans], [0, 0]);
  });
}

Deno.test("an engine that is slow but talks doesn't stall", async () => {
  const { events } = await play({
    mode: "single",
    turns: 3,
    engine: { milliseconds: { think: 59_000, load: 59_000 } },
  });
  assertEquals(named(events, "death"), []);
});

Deno.test("a refused resurrection is tried again every few seconds while others go on", async () => {
  const tries: number[] = [];
  const { result, events } = await play({
    turns: 60,
    contextSize: 60_000,
    engine: {
      milliseconds: { think: 200 },
      behave: (operation, count) => operation === "think" && count === 3 ? "fail" : "ok",
    },
    // No room for a third context between 1 s and 15 s: less than the headroom of layer 3.
    available: (now) =>
      now > 500 && now < 15_000 ? 2 * GB + MODEL_BYTES + 2.5 * CONTEXT_BYTES : 15 * GB,
    onEvent: (event) => {
      if (event.event === "resurrection" && event.id === "god") tries.push(event.turn);
    },
  });
  const refusals = named(events, "warning").filter(({ code }) => code === "load-refused");
  assertEquals(refusals.length, 1, "Said once, not at every try");
  assertEquals(tries.length, 1);
  const meanwhile = named(events, "thought").filter(({ turn, id }) =>
    turn < (tries[0] ?? 0) && id !== "god"
  );
  assert(meanwhile.length > 20, "The others went on");
  assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
});

Deno.test("no jar left and none let back in: the run ends, exit 1", async () => {
  const { result, events, clock } = await play({
    turns: undefined,
    engine: { milliseconds: { think: 400 } },
    available: (now) => now > 2000 ? 300 * MB : 15 * GB,
  });
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["no-jar-left", 1, 0]);
  assertEquals(named(events, "death").length, 3);
  assert(clock.now() < 30_000);
});

Deno.test("an engine that only fails: jars are given up, the run ends, exit 3", async () => {
  const { result, events } = await play({
    turns: undefined,
    engine: { behave: (operation, count) => operation === "think" && count > 5 ? "fail" : "ok" },
  });
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["no-jar-left", 3, 0]);
  const givenUp = named(events, "warning").filter(({ code }) => code === "jar-given-up");
  assertEquals(givenUp.map(({ id }) => id).toSorted(), ["god", "observer", "subject"]);
});

Deno.test("memory that can't be watched is a warning, once, and kills nobody", async () => {
  const { result, events } = await play({
    mode: "single",
    turns: 10,
    engine: { milliseconds: { think: 1000 } },
    memory: (now, memory) => {
      if (now > 2000 && now < 8000) throw new Error("No /proc");
      return memory;
    },
  });
  assertEquals(named(events, "warning").map(({ code }) => code), ["memory-unreadable"]);
  assertEquals([result.deaths, result.exitCode], [0, 0]);
});
