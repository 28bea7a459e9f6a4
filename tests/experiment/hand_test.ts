import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { RunHand } from "../../src/experiment/controls.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import type { FakeClock } from "./fake_clock.ts";
import { named, play, type StageOptions } from "./stage.ts";

/** Plays a run in which a person does something at each event. */
async function handle(
  act: (event: RunEvent, hand: RunHand, clock: FakeClock) => void,
  options: StageOptions = {},
) {
  let hand: RunHand | undefined;
  let clock: FakeClock | undefined;
  const played = await play({
    ...options,
    onHand: (given, its) => {
      hand = given;
      clock = its;
    },
    onEvent: (event) => {
      if (hand && clock) act(event, hand, clock);
    },
  });
  if (hand === undefined) throw new Error("A run gives its hand");
  return { ...played, hand: hand as RunHand };
}

const isThought = (event: RunEvent, id: string, turn: number) =>
  event.event === "thought" && event.id === id && event.turn === turn;

Deno.test("pause: no thought begins until it is resumed, and the watch goes on", async () => {
  const looks: number[] = [];
  let resumedAt = 0;
  const thoughtsAt: number[] = [];
  const { result, events } = await handle((event, hand, clock) => {
    if (event.event === "thought") thoughtsAt.push(clock.now());
    if (!isThought(event, "subject", 2)) return;
    hand.pause();
    assert(hand.isPaused);
    hand.pause();
    clock.sleep(600_000).then(() => {
      resumedAt = clock.now();
      hand.resume();
      hand.resume();
    });
  }, {
    engine: { milliseconds: { think: 50 } },
    memory: (now, memory) => (looks.push(now), memory),
  });
  assertEquals([result.reason, result.thoughts], ["turns", 9]);
  assertEquals(named(events, "death"), [], "A paused run isn't a stalled one");
  assertEquals(named(events, "paused").map(({ turn }) => turn), [2]);
  assertEquals(named(events, "resumed").map(({ turn }) => turn), [2]);
  const pausedAt = resumedAt - 600_000;
  assertEquals(thoughtsAt.filter((at) => at > pausedAt && at <= resumedAt), []);
  const between = looks.filter((at) => at > pausedAt && at < resumedAt).length;
  assert(between > 590, `${between} looks at memory in ten minutes`);
});

Deno.test("pause: memory that runs short kills a jar of a paused run too, which stays dead", async () => {
  let resumed = false;
  const { events } = await handle((event, hand, clock) => {
    if (isThought(event, "god", 1)) {
      hand.pause();
      clock.sleep(100_000).then(() => (resumed = true, hand.resume()));
    }
    if (event.event === "resurrection") assert(resumed);
  }, {
    turns: 3,
    engine: { milliseconds: { think: 50 } },
    available: (now) => (now > 20_000 && now < 21_500 ? 0.1 : 15) * 1024 ** 3,
  });
  assertEquals(named(events, "death").map(({ cause }) => cause), ["available-memory"]);
  assertEquals(named(events, "resurrection").length, 1);
});

Deno.test("pause: a stop ends a paused run at once", async () => {
  const { result, clock } = await handle((event, hand) => {
    if (isThought(event, "subject", 1)) hand.pause();
  }, { turns: undefined, engine: { milliseconds: { think: 10 } }, stopAfter: 60_000 });
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["stopped", 130, 0]);
  assert(clock.now() < 63_000);
});

Deno.test("kill: a jar that doesn't think dies at once, and comes back when a person has seen it", async () => {
  let diedAt = 0;
  let backAt = 0;
  const { result, events } = await handle((event, hand, clock) => {
    if (isThought(event, "subject", 2)) assertEquals(hand.kill("god"), undefined);
    if (event.event === "death") diedAt = clock.now();
    if (event.event === "resurrection") backAt = clock.now();
  }, { turns: 8, engine: { milliseconds: { think: 500 } } });
  const [death, ...others] = named(events, "death");
  assertEquals([death?.id, death?.cause, death?.message, others.length], [
    "god",
    "by-hand",
    "a hand ended it",
    0,
  ]);
  assertEquals(death?.life.thoughts, 1);
  assertEquals(named(events, "resurrection").map(({ id, cause }) => [id, cause]), [
    ["god", "by-hand"],
  ]);
  assert(backAt - diedAt >= 1500 && backAt - diedAt < 4500, `${backAt - diedAt} ms`);
  assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
});

Deno.test("kill: in the middle of a thought, of which what was said is told", async () => {
  const { events, engine, hand } = await handle((event, hand, clock) => {
    if (event.event !== "loaded") return;
    clock.sleep(1500).then(() => {
      assertEquals(hand.kill("subject"), undefined);
      assertEquals(hand.kill("subject"), "'subject' is dying already");
    });
  }, {
    mode: "single",
    turns: 1,
    engine: { milliseconds: { think: 10_000 }, say: () => "Rain again" },
  });
  const told = events.filter(({ event }) => event === "thought" || event === "death");
  assertEquals(told.map(({ event }) => event), ["thought", "death"]);
  assertEquals(named(events, "thought")[0]?.stop, "aborted");
  assertEquals(engine.orphans, 0);
  assertEquals(hand.kill("subject"), "The run is over");
});

Deno.test("a hand is told why something can't be done", async () => {
  const answers: Record<string, string | undefined> = {};
  await handle((event, hand, clock) => {
    if (event.event === "validation") answers.unborn = hand.kill("subject");
    if (event.event === "allocated" && event.id === "subject") {
      answers.loading = hand.kill("subject");
    }
    if (!isThought(event, "god", 1)) return;
    answers.unknown = hand.kill("nobody");
    answers.empty = hand.whisper(" \n\t ");
    answers.noPrompt = hand.setPrompt("nobody", "Be a cat.");
    answers.badPrompt = hand.setPrompt("god", "Be a cat.\n---\n{cat}\n");
    answers.emptyPrompt = hand.setPrompt("god", "  ");
    hand.kill("observer");
    clock.sleep(10).then(() => answers.dead = hand.kill("observer"));
  }, { turns: 3, engine: { milliseconds: { think: 100 } } });
  assertEquals(answers.unborn, "'subject' isn't born yet");
  assertEquals(answers.loading, "'subject' is being loaded");
  assertEquals(answers.unknown, "No jar is named 'nobody'");
  assertEquals(answers.empty, "A whisper needs words");
  assertEquals(answers.noPrompt, "No jar is named 'nobody'");
  assert(answers.badPrompt?.startsWith('Prompt has no placeholder "{cat}"'), answers.badPrompt);
  assert(answers.emptyPrompt?.startsWith("Prompt is empty"), answers.emptyPrompt);
  assertEquals(answers.dead, "'observer' is dead already");
});

Deno.test("a hand is told when the run is over", async () => {
  const { hand } = await handle(() => {}, { turns: 1 });
  for (const answer of [hand.kill("god"), hand.whisper("Hi"), hand.setPrompt("god", "Be.")]) {
    assertEquals(answer, "The run is over");
  }
});

Deno.test("whisper: every subject hears it once, on one line, in place of god's", async () => {
  const { events, engine } = await handle((event, hand) => {
    if (isThought(event, "subject", 1)) hand.whisper(` Look\n\u001b[31mup${"!".repeat(400)} `);
  }, { turns: 4, engine: { say: () => "God speaks" } });
  const [byHand] = named(events, "whisper").filter(({ by }) => by === "hand");
  assertEquals([byHand?.id, byHand?.role, byHand?.turn], ["subject", "subject", 1]);
  assert(byHand?.text.startsWith("Look [31mup!!") && byHand.text.length === 160);
  const prompts = named(events, "thought").filter(({ id }) => id === "subject");
  assertEquals(prompts.map(({ prompt }) => prompt.includes("whisper: Look")), [
    false,
    true,
    false,
    false,
  ]);
  // God whispered in turn 1 as well: it was said in place of that.
  assert(!prompts[1]?.prompt.includes("God speaks"));
  assert(prompts[2]?.prompt.includes("whisper: God speaks"));
  assert(engine.prompts.length > 0);
});

Deno.test("whisper: what comes in the middle of a thought is heard in the next", async () => {
  const { events } = await handle((event, hand, clock) => {
    if (event.event === "loaded") clock.sleep(500).then(() => hand.whisper("Look up"));
  }, { mode: "peer", turns: 3, engine: { milliseconds: { think: 1000 } } });
  const heard = named(events, "thought").filter(({ prompt }) => prompt.includes("Look up"));
  assertEquals(heard.map(({ id, turn }) => `${id} ${turn}`), ["peer_b 1", "peer_a 2"]);
  assertEquals(named(events, "whisper").map(({ id, by }) => [id, by]), [
    ["peer_a", "hand"],
    ["peer_b", "hand"],
    ["peer_a", "hand"],
    ["peer_b", "hand"],
  ]);
});

Deno.test("prompt: another one is told from the next turn on, and is an event", async () => {
  const { events, hand } = await handle((event, hand) => {
    if (isThought(event, "god", 1)) {
      assert(hand.promptOf("god")?.startsWith("You are the god of a mind in a jar"));
      assertEquals(hand.setPrompt("god", "Be a cat.\n---\nTurn {turn}, cat.\n"), undefined);
      assertEquals(hand.promptOf("god")?.trim(), "Be a cat.\n---\nTurn {turn}, cat.");
    }
  }, { turns: 2 });
  const [first, second] = named(events, "thought").filter(({ id }) => id === "god");
  assert(!first?.prompt.includes("cat") && second?.prompt.includes("Turn 2, cat."));
  assertEquals(named(events, "prompt").map(({ id, turn }) => [id, turn]), [["god", 1]]);
  assertEquals(hand.promptOf("nobody"), undefined);
});

Deno.test("what a hand does is in the transcript", async () => {
  const { lines } = await handle((event, hand, clock) => {
    if (!isThought(event, "subject", 1)) return;
    hand.whisper("Look up");
    hand.setPrompt("god", "Be a cat.");
    hand.kill("observer");
    hand.pause();
    clock.sleep(20).then(() => hand.resume());
  }, { turns: 2 });
  const names = lines.map(({ event }) => event);
  for (const name of ["whisper", "prompt", "paused", "resumed", "death"]) {
    assert(names.includes(name), name);
  }
});

Deno.test("whatever a hand does, and whenever, all is given back", async () => {
  const deeds = fc.array(
    fc.record({
      at: fc.nat(8000),
      does: fc.constantFrom("kill", "pause", "resume", "whisper", "prompt"),
      id: fc.constantFrom("subject", "observer", "god", "nobody"),
    }),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(deeds, fc.boolean(), async (deeds, stops) => {
      const { result, engine, events } = await handle((event, hand, clock) => {
        if (event.event !== "validation") return;
        for (const { at, does, id } of deeds) {
          clock.sleep(at).then(() => {
            if (does === "kill") hand.kill(id);
            else if (does === "whisper") hand.whisper(`${at}`);
            else if (does === "prompt") hand.setPrompt(id, `Be ${at}.`);
            else hand[does]();
          });
        }
        clock.sleep(9000).then(() => hand.resume());
      }, {
        turns: stops ? undefined : 6,
        contextSize: 900,
        engine: { milliseconds: { think: 300, load: 200, context: 100, dispose: 50 } },
        ...(stops ? { stopAfter: 7000 } : {}),
      });
      assertEquals(result.reservedBytes, 0);
      assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
      assertEquals(events.at(-1), result);
      const count = (name: RunEvent["event"]) => named(events, name).length;
      assertEquals(result.deaths, count("death"));
      assert(count("resurrection") <= count("death"));
      assert(Math.abs(count("paused") - count("resumed")) <= 1);
    }),
    { numRuns: 60 },
  );
});
