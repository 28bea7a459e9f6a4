import { assert, assertEquals, assertThrows } from "@std/assert";
import type { RunHand } from "../../src/experiment/controls.ts";
import { Viewers } from "../../src/view/viewers.ts";
import type { Viewer, ViewEvent } from "../../src/view/view_event.ts";
import type { FakeClock } from "../experiment/fake_clock.ts";
import { play, type StageOptions } from "../experiment/stage.ts";

const nothing = { close: () => Promise.resolve() };

/** A run that is watched at a pace; each viewer's event with its moment. */
async function watched(pace: number | undefined, options: StageOptions = {}, viewer?: Viewer) {
  const heard: { event: ViewEvent; at: number }[] = [];
  let viewers: Viewers | undefined;
  const tell = (event: ViewEvent) => viewers?.hear(event);
  const played = await play({
    ...options,
    onHand: (hand, clock) => {
      viewers = new Viewers({ clock, ...(pace === undefined ? {} : { pace }) });
      viewers.add({ ...nothing, hear: (event, at) => heard.push({ event, at }) });
      if (viewer) viewers.add(viewer);
      options.onHand?.(hand, clock);
    },
    onEvent: (event, stop) => {
      // As the signal that stops a run does.
      stop.signal.addEventListener("abort", () => viewers?.finish());
      tell(event);
      options.onEvent?.(event, stop);
    },
    onText: (id, text) => tell({ event: "text", id, text }),
    onMemory: tell,
    heard: async () => await viewers?.caughtUp(),
  });
  // As who runs it waits until all is read.
  if (played.result.reason === "turns") await (viewers as Viewers | undefined)?.caughtUp();
  return { ...played, heard };
}

const say = (words: number) => ({
  say: () => Array.from({ length: words }, () => "word").join(" "),
});

Deno.test("viewers: no thought begins before the last one is read", async () => {
  const { heard, events } = await watched(60, { turns: 2, engine: say(10) });
  const thoughts = heard.filter(({ event }) => event.event === "thought");
  assertEquals(thoughts.length, 6);
  for (const [index, { at }] of thoughts.slice(1).entries()) {
    const before = thoughts[index]?.at ?? 0;
    assert(at - before >= 9_000, `${at - before} ms for ten words at one a second`);
  }
  const kinds = (list: readonly { event: string }[]) =>
    list.map(({ event }) => event).filter((kind) => !["text", "memory", "pace"].includes(kind));
  assertEquals(kinds(heard.map(({ event }) => event)), kinds(events), "In the run's own order");
});

Deno.test("viewers: without a pace a run takes as long as it did", async () => {
  const options = { turns: 3, engine: { ...say(10), milliseconds: { think: 100 } } };
  const alone = await play(options);
  const { clock } = await watched(undefined, options);
  assert(clock.now() - alone.clock.now() < 100, `${clock.now()}, alone ${alone.clock.now()}`);
});

Deno.test("viewers: a model that is slower than the pace isn't kept waiting", async () => {
  const options = { turns: 3, engine: { ...say(2), milliseconds: { think: 5_000 } } };
  const alone = await play(options);
  const { clock } = await watched(300, options);
  assert(clock.now() - alone.clock.now() < 9 * 200 + 100);
});

Deno.test("viewers: what is paused is seen at once, and what is read stays where it is", async () => {
  let hand: RunHand | undefined;
  let pausedAt = 0;
  const { heard } = await watched(60, {
    turns: 1,
    engine: say(20),
    onHand: (given: RunHand, clock: FakeClock) => {
      hand = given;
      clock.sleep(3_000).then(() => {
        pausedAt = clock.now();
        hand?.pause();
      });
      clock.sleep(60_000).then(() => hand?.resume());
    },
  });
  const during = heard.filter(({ at }) => at > pausedAt && at < 60_000);
  assertEquals(heard.find(({ event }) => event.event === "paused")?.at, pausedAt);
  assert(during.every(({ event }) => event.event === "memory") && during.length > 50);
  assertEquals(heard.filter(({ event }) => event.event === "thought").length, 3);
});

Deno.test("viewers: a death by hand is seen at once, after the words before it", async () => {
  const { heard } = await watched(60, {
    turns: 1,
    engine: say(30),
    onHand: (hand: RunHand, clock: FakeClock) => {
      clock.sleep(3_000).then(() => assertEquals(hand.kill("subject"), undefined));
    },
  });
  const order = heard.map(({ event }) => event.event);
  const death = heard[order.indexOf("death")];
  assert(death && death.at < 3_500, `${death?.at}`);
  assert(order.indexOf("thought") < order.indexOf("death"));
});

Deno.test("viewers: one that never catches up keeps neither the watch nor a stop waiting", async () => {
  const deaf: Viewer = { ...nothing, hear: () => {}, caughtUp: () => new Promise(() => {}) };
  let looks = 0;
  const { result, clock } = await watched(undefined, {
    turns: undefined,
    stopAfter: 60_000,
    memory: (_, memory) => (looks++, memory),
  }, deaf);
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["stopped", 130, 0]);
  assert(clock.now() < 63_000 && looks > 50);
});

Deno.test("viewers: a stop is heard of at once, whatever waits", async () => {
  const { result, heard, clock } = await watched(1, {
    turns: undefined,
    engine: say(30),
    stopAfter: 10_000,
  });
  assertEquals(result.exitCode, 130);
  assertEquals(heard.at(-1)?.event, result);
  assert(clock.now() < 13_000);
});

Deno.test("viewers: one that fails is left out, and who tells the next event hears of it", () => {
  const viewers = new Viewers({});
  const heard: string[] = [];
  viewers.add({
    ...nothing,
    hear: () => {
      throw new Error("A broken pipe");
    },
  });
  viewers.add({ ...nothing, hear: ({ event }) => heard.push(event) });
  viewers.hear({ event: "paused", turn: 1 });
  assertEquals(heard, ["paused"], "The others hear it");
  assertThrows(() => viewers.hear({ event: "resumed", turn: 1 }), Error, "A broken pipe");
});

Deno.test("viewers: a pace is seen, and a change of it", () => {
  const viewers = new Viewers({ pace: 200 });
  assertEquals([viewers.pace, viewers.view.pace], [200, 200]);
  viewers.setPace(300);
  assertEquals([viewers.pace, viewers.view.pace], [300, 300]);
  viewers.setPace(undefined);
  assertEquals([viewers.pace, viewers.view.pace], [undefined, undefined]);
});
