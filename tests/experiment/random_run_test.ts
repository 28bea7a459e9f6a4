import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { GB, MB } from "../../src/budget/size.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import type { DeviceMemory } from "../../src/budget/memory.ts";
import type { Behaviour, FakeEngine, Operation } from "./fake_engine.ts";
import { CONTEXT_BYTES, MODEL_BYTES, play, type StageOptions } from "./stage.ts";

const SEED = 20_261;

const kind = fc.constantFrom<Behaviour>(
  "ok",
  "ok",
  "ok",
  "ok",
  "ok",
  "ok",
  "fail",
  "usage",
  "hang",
  "deaf",
  "late",
);
const behaviours = fc.record({
  load: fc.array(kind, { maxLength: 4 }),
  context: fc.array(kind, { maxLength: 6 }),
  think: fc.array(kind, { maxLength: 30 }),
  dispose: fc.array(kind, { maxLength: 6 }),
});

/** Seconds at which something else takes or frees the machine's memory, and what is left then. */
const weather = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: 30_000 }),
    available: fc.constantFrom(
      15 * GB,
      3 * GB,
      2 * GB + MODEL_BYTES + 2 * CONTEXT_BYTES,
      GB,
      300 * MB,
    ),
  }),
  { maxLength: 5 },
).map((changes) => changes.toSorted((a, b) => a.from - b.from));

/** The same of a card, which may vanish; absent where there is none. */
const cardWeather = fc.option(
  fc.record({
    tells: fc.boolean(),
    changes: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 30_000 }),
        free: fc.option(fc.constantFrom(8 * GB, GB, 700 * MB, 100 * MB, 0)),
      }),
      { maxLength: 5 },
    ).map((changes) => changes.toSorted((a, b) => a.from - b.from)),
  }),
  { nil: undefined },
);

const ON_CARD = {
  id: "cuda:0",
  bytes: 600 * MB,
  sharedBytes: 500 * MB,
  processBytes: 100 * MB,
  thinkingBytes: 20 * MB,
};

function cardOf(
  { tells, changes }: NonNullable<AnyRun["card"]>,
  now: number,
  { counts, models, minds }: FakeEngine,
): readonly DeviceMemory[] {
  const change = changes.findLast(({ from }) => from <= now);
  if (change?.free === null) return [];
  const held = (counts.load > 0 ? 100 * MB : 0) + models * 400 * MB + minds * 100 * MB;
  return [{
    ...{ id: "cuda:0", kind: "device", name: "A card", totalBytes: 16 * GB, reservedBytes: 0 },
    availableBytes: Math.max(0, (change?.free ?? 8 * GB) - held),
    sources: [],
    ...(tells ? { holders: [{ processId: 1, bytes: held, isOwn: true }] } : {}),
  }];
}

const anyRun = fc.record({
  card: cardWeather,
  mode: fc.constantFrom("single", "matrix", "peer"),
  turns: fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
  contextSize: fc.constantFrom(16, 200, 700, 4096),
  allowPartial: fc.boolean(),
  shareWeights: fc.boolean(),
  twoModels: fc.boolean(),
  limit: fc.option(fc.constantFrom(450 * MB, 600 * MB, GB), { nil: undefined }),
  leak: fc.integer({ min: 0, max: 30 }),
  slow: fc.record({
    load: fc.integer({ min: 0, max: 5000 }),
    context: fc.integer({ min: 10, max: 500 }),
    think: fc.integer({ min: 50, max: 3000 }),
    dispose: fc.integer({ min: 0, max: 300 }),
  }),
  behaviours,
  weather,
  // Runs without an end of their own are always stopped.
  stopAfter: fc.integer({ min: 1, max: 30_000 }),
  stops: fc.boolean(),
});

type AnyRun = typeof anyRun extends { generate(...args: never[]): { value: infer Value } } ? Value
  : never;

function onCard(card: AnyRun["card"]): StageOptions {
  if (card === undefined) return {};
  return { onDevices: [ON_CARD], devices: (now, engine) => cardOf(card, now, engine) };
}

async function playOut(run: AnyRun) {
  let now = 0;
  let heardStopAt: number | undefined;
  const stopped = run.stops || run.turns === undefined;
  const played = await play({
    mode: run.mode,
    turns: run.turns,
    contextSize: run.contextSize,
    allowPartial: run.allowPartial,
    policy: { shareWeights: run.shareWeights },
    ...(run.twoModels ? { model: (id: string) => id === "god" ? "b.gguf" : "a.gguf" } : {}),
    ...(run.limit === undefined ? {} : { ramLimitBytes: { subject: run.limit, god: run.limit } }),
    ownAnonymous: (time, bytes) => bytes + time * run.leak * 1000,
    available: (time) => {
      now = time;
      return run.weather.findLast(({ from }) => from <= time)?.available ?? 15 * GB;
    },
    ...onCard(run.card),
    engine: {
      milliseconds: run.slow,
      behave: (operation: Operation, count: number) => run.behaviours[operation][count - 1] ?? "ok",
    },
    ...(stopped ? { stopAfter: run.stopAfter } : {}),
    onEvent: () => {
      if (now >= run.stopAfter) heardStopAt ??= now;
    },
  });
  return { ...played, stopped };
}

Deno.test("whatever fails, whenever it is stopped: all is given back, and told in order", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async (run: AnyRun) => {
      const { result, events, engine, clock, stopped } = await playOut(run);
      assertEquals(result.reservedBytes, 0);
      assertEquals(result.pools.every(({ reservedBytes }) => reservedBytes === 0), true);
      assertEquals(events.at(-1), result);
      assertEquals(events.filter(({ event }) => event === "end").length, 1);
      assertEquals(engine.orphans, 0);
      assertLives(events);

      const ends = Object.values(run.behaviours).flat();
      const listens = !ends.some((kind) => kind === "deaf" || kind === "late" || kind === "hang");
      if (listens) assertEquals([engine.minds, engine.models], [0, 0]);
      if (result.reason === "stopped") {
        assert(stopped);
        const took = clock.now() - run.stopAfter;
        assert(took <= 3000, `${took} ms after the stop`);
      }
      if (result.reason === "turns") assertEquals(result.turns, run.turns);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

Deno.test("the same failures at the same moments give the same events", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async (run: AnyRun) => {
      assertEquals((await playOut(run)).events, (await playOut(run)).events);
    }),
    { seed: SEED, numRuns: 30 },
  );
});

/** A jar is let in, thinks, dies, comes back; its deaths are counted one by one. */
function assertLives(events: readonly RunEvent[]): void {
  const alive = new Map<string, boolean>();
  const deaths = new Map<string, number>();
  let thought = false;
  for (const event of events) {
    if (event.event === "loaded") {
      assert(!thought, "Admitted before the first thought");
      alive.set(event.id, true);
    } else if (event.event === "thought") {
      thought = true;
      assert(alive.get(event.id), `${event.id} thinks and lives`);
    } else if (event.event === "death") {
      assert(alive.get(event.id), `${event.id} lived before it died`);
      alive.set(event.id, false);
      deaths.set(event.id, (deaths.get(event.id) ?? 0) + 1);
      assertEquals(event.deaths, deaths.get(event.id));
    } else if (event.event === "resurrection") {
      assertEquals(alive.get(event.id), false);
      alive.set(event.id, true);
      assertEquals(event.deaths, deaths.get(event.id));
    }
  }
}
