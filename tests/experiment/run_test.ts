import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { leastAvailableBytes } from "../../src/budget/policy.ts";
import { GB, MB } from "../../src/budget/size.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import type { TranscriptLine } from "../../src/experiment/transcript.ts";
import { CONTEXT_BYTES, MODEL_BYTES, named, play } from "./stage.ts";

Deno.test("matrix: all are admitted first, then think, note, whisper, and give all back", async () => {
  const { result, events, engine } = await play();
  assertEquals(result.reason, "turns");
  assertEquals(result.exitCode, 0);
  assertEquals(result.turns, 3);
  assertEquals(events[0]?.event, "validation");
  assertEquals(events.at(-1), result);
  assertEquals(named(events, "allocated").map((event) => event.id), ["subject", "observer", "god"]);
  assertEquals(named(events, "loaded").map((event) => event.shared), [false, true, true]);
  assertEquals(named(events, "thought").length, 9);
  assertEquals(named(events, "note").length, 3);
  assertEquals(named(events, "whisper").length, 3);
  const names = events.map((event) => event.event);
  assert(names.lastIndexOf("loaded") < names.indexOf("thought"));
  assertEquals(engine.counts.load, 1);
  assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
  assertEquals(result.reservedBytes, 0);
  assertEquals(result.allocationReport?.jars.length, 3);
  assertEquals(result.givenBackBytes, MODEL_BYTES + 3 * CONTEXT_BYTES);
});

Deno.test("matrix: the thought reaches observer and god, the note god, the whisper the subject", async () => {
  const { events, engine } = await play({
    turns: 2,
    engine: { say: (prompt) => `about ${prompt.length}` },
  });
  const [subject, observer, god, second] = engine.prompts;
  const [thought] = named(events, "thought");
  assert(observer?.includes(`It thinks: ${thought?.text}`));
  assert(observer?.includes("Its vital signs: alive, "));
  assert(god?.includes(`It thinks: ${thought?.text}`));
  assert(god?.includes(`The observer notes: ${named(events, "note")[0]?.text}`));
  assert(!subject?.includes("A whisper"));
  assert(second?.includes(`A whisper: ${named(events, "whisper")[0]?.text}`));
});

Deno.test("sampling: a jar's own is what it thinks with, and is told where it isn't the run's", async () => {
  const { events, lines } = await play({
    turns: 1,
    sampling: { observer: { maxTokens: 3 }, god: {}, subject: { temperature: 0.8 } },
  });
  assertEquals(named(events, "thought").map(({ tokens }) => tokens), [8, 3, 8]);
  assertEquals(named(events, "validation")[0]?.sampling, { observer: { maxTokens: 3 } });
  const jars = lines[0]?.jars as readonly { readonly sampling?: unknown }[];
  assertEquals(jars.map(({ sampling }) => sampling), [undefined, { maxTokens: 3 }, undefined]);
  assertEquals(named((await play({ turns: 1 })).events, "validation")[0]?.sampling, undefined);
});

Deno.test("god may be silent: then the subject hears nothing, an old whisper included", async () => {
  let thoughts = 0;
  const { events, engine } = await play({
    turns: 3,
    engine: { say: () => ++thoughts === 3 ? "Look up." : thoughts === 6 ? "Silence." : "hm" },
  });
  assertEquals(named(events, "whisper").map((event) => event.turn), [1, 3]);
  assert(engine.prompts[3]?.includes("Look up."));
  assert(!engine.prompts[6]?.includes("whisper:"));
});

Deno.test("peer: each hears what the other thought last", async () => {
  let thoughts = 0;
  const { result, engine, events } = await play({
    mode: "peer",
    turns: 2,
    engine: { say: () => `idea ${++thoughts}` },
  });
  assertEquals(named(events, "thought").map(({ id }) => id), [
    "peer_a",
    "peer_b",
    "peer_a",
    "peer_b",
  ]);
  assert(!engine.prompts[0]?.includes("The other thinks"));
  for (const index of [1, 2, 3]) {
    assert(engine.prompts[index]?.includes(`The other thinks: idea ${index}`));
  }
  assertEquals(result.reservedBytes, 0);
});

Deno.test("single: the subject alone", async () => {
  const { result, events } = await play({ mode: "single", turns: 5 });
  assertEquals(named(events, "thought").length, 5);
  assertEquals(result.exitCode, 0);
});

Deno.test("the same seed gives the same transcript, however slow it was; another seed doesn't", async () => {
  const options = { contextSize: 600, turns: 12 };
  const first = await play(options);
  const slow = await play({ ...options, engine: { milliseconds: { think: 1234, load: 77 } } });
  const other = await play({ ...options, seed: 8 });
  assert(named(first.events, "death").length > 0, "Deaths are in it too");
  const repeated = (lines: readonly TranscriptLine[]) =>
    lines.filter(({ event }) => event !== "memory" && event !== "validation");
  assertEquals(repeated(first.lines), repeated(slow.lines));
  assertNotEquals(repeated(first.lines), repeated(other.lines));
  assertEquals(first.lines[0]?.event, "start");
  assert(!JSON.stringify(repeated(first.lines)).match(/illiseconds|Bytes/), "No times, no memory");
});

Deno.test("a failed validation ends the run before anything is loaded, exit 1", async () => {
  const { result, events, engine } = await play({ total: GB });
  assertEquals(events.map((event) => event.event), ["validation", "end"]);
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["refused", 1, 0]);
  assertEquals(engine.counts.load, 0);
});

Deno.test("without room for god: refused, or partial where that is allowed", async () => {
  // 0.6 GB for the subject, 0.1 for each other, on 3.6 GB usable less 2 GB of headroom.
  const room = { available: () => 2 * GB + MODEL_BYTES + 2.5 * CONTEXT_BYTES };
  const foreseen = await play(room);
  assertEquals([foreseen.result.reason, foreseen.result.exitCode], ["refused", 1]);
  const { validation } = named(foreseen.events, "validation")[0] ?? {};
  assertEquals(validation?.issues.map((issue) => [issue.code, "id" in issue && issue.id]), [
    ["load-refused", "god"],
  ]);
  assertEquals(foreseen.engine.counts.load, 0);

  // What another program takes after layer 1 is met when god's turn comes.
  const refused = await play({
    available: (_, events) => events.length === 0 ? 15 * GB : room.available(),
  });
  assertEquals([refused.result.reason, refused.result.exitCode], ["refused", 1]);
  assertEquals(named(refused.events, "thought"), []);
  assertEquals(named(refused.events, "warning").map(({ code, id }) => [code, id]), [
    ["load-refused", "god"],
  ]);
  assertEquals(refused.result.reservedBytes, 0);
  assertEquals([refused.engine.minds, refused.engine.models], [0, 0]);

  const partial = await play({ ...room, allowPartial: true });
  assertEquals([partial.result.reason, partial.result.exitCode], ["turns", 0]);
  assertEquals(named(partial.events, "thought").length, 6);
  assertEquals(named(partial.events, "whisper"), []);
  assertEquals(partial.result.reservedBytes, 0);
});

Deno.test("--allow-partial goes on past a failed layer 1, never without the subject", async () => {
  const usable = (bytes: number) => ({
    total: bytes / 0.85,
    available: () => 8 * GB,
    policy: { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 },
    allowPartial: true,
  });
  const partial = await play(usable(MODEL_BYTES + 2.5 * CONTEXT_BYTES));
  assertEquals(named(partial.events, "validation")[0]?.ok, false);
  assertEquals(named(partial.events, "loaded").map(({ id }) => id), ["subject", "observer"]);
  assertEquals(named(partial.events, "warning")[0]?.allocation?.reason, "exceeds-budget");
  assertEquals(partial.result.exitCode, 0);

  const none = await play(usable(MODEL_BYTES));
  assertEquals([none.result.reason, none.result.exitCode], ["refused", 1]);
  const peers = await play({ ...usable(MODEL_BYTES + 1.5 * CONTEXT_BYTES), mode: "peer" });
  assertEquals([peers.result.reason, peers.result.exitCode], ["refused", 1]);
});

Deno.test("--allow-partial leaves out a jar that its own limit can't hold", async () => {
  const over = { ramLimitBytes: { god: MODEL_BYTES } };
  const refused = await play(over);
  assertEquals([refused.result.reason, refused.engine.counts.load], ["refused", 0]);
  const partial = await play({ ...over, allowPartial: true });
  assertEquals(named(partial.events, "loaded").map(({ id }) => id), ["subject", "observer"]);
  assertEquals(named(partial.events, "warning").map(({ code, id }) => [code, id]), [
    ["over-limit", "god"],
  ]);
  assertEquals(partial.result.exitCode, 0);
});

Deno.test("a model that can't be loaded: 3 for the engine's fault, 2 for the model's", async () => {
  for (
    const [behaviour, exitCode, code] of [
      ["fail", 3, "model-load-failed"],
      ["usage", 2, "unsupported-architecture"],
      ["deaf", 3, "engine-stalled"],
    ] as const
  ) {
    const { result, events } = await play({
      engine: { behave: (operation) => operation === "load" ? behaviour : "ok" },
    });
    assertEquals([result.reason, result.exitCode, result.reservedBytes], ["failed", exitCode, 0]);
    assertEquals(named(events, "warning")[0]?.code, code);
  }
});

Deno.test("a context that can't be made frees the model it was to be on", async () => {
  const { result, engine } = await play({
    engine: {
      behave: (operation, count) => operation === "context" && count === 3 ? "fail" : "ok",
    },
  });
  assertEquals([result.exitCode, result.reservedBytes], [3, 0]);
  assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
});

Deno.test("--no-share-weights loads, and counts, each model for itself", async () => {
  const { result, engine, events } = await play({ policy: { shareWeights: false } });
  assertEquals(engine.counts.load, 3);
  assertEquals(result.givenBackBytes, 3 * (MODEL_BYTES + CONTEXT_BYTES));
  assert(named(events, "loaded").every((event) => !event.shared));
  assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
});

Deno.test("a listener that fails stops the run; everything is given back before it is thrown", async () => {
  const heard: RunEvent["event"][] = [];
  const bytes: number[] = [];
  await assertRejects(
    () =>
      play({
        turns: undefined,
        ownAnonymous: (_, held) => (bytes.push(held), held),
        engine: { milliseconds: { think: 10 } },
        onEvent: ({ event }) => {
          heard.push(event);
          if (event === "thought") throw new Error("Broken pipe");
        },
      }),
    Error,
    "Broken pipe",
  );
  assertEquals(heard.at(-1), "thought");
});

Deno.test("memory that can't be read refuses, and never lets in on an old figure", async () => {
  let reads = 0;
  const { result, events } = await play({
    memory: (_, memory) => {
      // The first reading was layer 1's.
      if (++reads > 2) throw new Error("/proc/meminfo is gone");
      return memory;
    },
  });
  assertEquals([result.exitCode, result.reservedBytes], [3, 0]);
  assertEquals(named(events, "warning")[0]?.code, "memory-unreadable");
  assertEquals(named(events, "loaded"), []);
});

Deno.test("run: what the process holds before the first load is not asked for again", async () => {
  const process = 40 * MB;
  // What the watch keeps free is kept free by layer 3.
  const total = 2 * GB;
  const headroom = leastAvailableBytes(total);
  const admitted = async (held: number, spare: number) => {
    const { events } = await play({
      mode: "peer",
      turns: 1,
      processBytes: process,
      engine: { modelBytes: MODEL_BYTES - process },
      policy: { safetyMarginPercent: 0, allocationHeadroomBytes: 0, loadHeadroomBytes: headroom },
      total,
      allowPartial: true,
      // A jar of its own model each, so that nothing else is shared.
      model: (id) => `${id}.gguf`,
      ownAnonymous: (_, engineBytes) => held + engineBytes,
      // What the process holds is missing from what is available.
      available: (_, events) =>
        2 * (MODEL_BYTES + CONTEXT_BYTES) + headroom - process - held +
        (named(events, "loaded").length > 0 ? spare : 0),
    });
    return named(events, "loaded").length;
  };
  assertEquals(await admitted(0, 0), 2);
  assertEquals(await admitted(process, 0), 2);
  assertEquals(await admitted(process, -1), 1, "nor is it counted for the second jar");
  // What it holds beyond its part in the footprint is missing for the second jar.
  assertEquals(await admitted(process + MB, 0), 1);
});
