import { assert, assertEquals } from "@std/assert";
import type { DeviceMemory } from "../../src/budget/memory.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import { reservationLedger } from "../../src/experiment/memory/reservation_ledger.ts";
import type { FakeEngine } from "./fake_engine.ts";
import { named, play, type StageOptions } from "./stage.ts";
import { withFolder } from "../ledger/helpers.ts";

const [WEIGHTS, CONTEXT, PROCESS, THINKING] = [3 * GB, GB, 512 * MB, 128 * MB];

const CARD = {
  id: "cuda:0",
  bytes: WEIGHTS + CONTEXT + PROCESS,
  sharedBytes: WEIGHTS + PROCESS,
  processBytes: PROCESS,
  thinkingBytes: THINKING,
};

/**
 * What the fake engine holds on its card: the backend's context stays once there was a model, and a
 * mind has all of its own after its first thought.
 */
function heldBy({ counts, models, minds }: Pick<FakeEngine, "counts" | "models" | "minds">) {
  const process = counts.load > 0 ? PROCESS : 0;
  const thinking = Math.min(counts.think, minds) * THINKING;
  return process + models * WEIGHTS + minds * (CONTEXT - THINKING) + thinking;
}

/** A card of 24 GB with so much taken by others; `tells` where its driver knows who holds what. */
function card(
  others: number,
  engine: Pick<FakeEngine, "counts" | "models" | "minds">,
  tells: boolean,
): DeviceMemory {
  const held = heldBy(engine);
  return {
    id: "cuda:0",
    kind: "device",
    name: "A card",
    totalBytes: 24 * GB,
    availableBytes: 24 * GB - others - held,
    reservedBytes: 0,
    sources: [],
    ...(tells ? { holders: [{ processId: 1, bytes: held, isOwn: true }] } : {}),
  };
}

function onCard(others: (now: number) => number, tells = true): StageOptions {
  return { onDevices: [CARD], devices: (now, engine) => [card(others(now), engine, tells)] };
}

/** Weights and process once, a context for each of three. */
const ALL = WEIGHTS + PROCESS + 3 * CONTEXT;

for (const tells of [true, false]) {
  const who = tells ? "whose driver tells who holds what" : "whose driver tells nothing";

  Deno.test(`a device ${who}: exactly enough runs to its end, and all is given back`, async () => {
    const { result, events } = await play(onCard(() => 24 * GB - ALL - 64 * MB, tells));
    assertEquals([result.reason, result.exitCode], ["turns", 0]);
    assertEquals(named(events, "death"), []);
    assertEquals(
      named(events, "allocated").map(({ pools }) => pools.map((pool) => pool.allocatedBytes)[1]),
      [CARD.bytes, CONTEXT, CONTEXT],
    );
    assertEquals(result.pools, [
      { id: "ram", givenBackBytes: result.givenBackBytes, reservedBytes: 0 },
      { id: "cuda:0", givenBackBytes: ALL, reservedBytes: 0 },
    ]);
  });

  Deno.test(`a device ${who}: a byte less is refused before anything is loaded`, async () => {
    const { result, events, engine } = await play(onCard(() => 24 * GB - ALL - 64 * MB + 1, tells));
    const [validation] = named(events, "validation");
    const [issue] = validation?.validation.issues ?? [];
    assertEquals(issue?.code === "available-memory" && issue.pool, "cuda:0");
    assertEquals([result.reason, result.exitCode, engine.counts.load], ["refused", 1, 0]);
  });

  Deno.test(`a device ${who}: another process fills it, and the least important jar goes`, async () => {
    const { result, events, engine } = await play({
      ...onCard((now) => now > 3000 && now < 4500 ? 24 * GB - ALL - 10 * MB : GB, tells),
      turns: 12,
      engine: { milliseconds: { think: 400 } },
    });
    const [death, ...more] = named(events, "death");
    assertEquals([death?.id, death?.cause, death?.pool], ["god", "device-memory", "cuda:0"]);
    assertEquals(death?.detail, "cuda:0: 10.00 MB available; 64.00 MB are kept free");
    assertEquals(death?.pools[1], {
      id: "cuda:0",
      givenBackBytes: CONTEXT,
      reservedBytes: ALL - CONTEXT,
    });
    assertEquals(more, [], "What it gave back is enough");
    assertEquals(named(events, "resurrection").map(({ id }) => id), ["god"]);
    assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
    assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
  });

  Deno.test(`a device ${who}: the context of a process that had all its jars die is there already`, async () => {
    // Just enough for one jar; it dies of its RAM limit and comes back.
    const { result, events } = await play({
      ...onCard(() => 24 * GB - CARD.bytes - 64 * MB, tells),
      mode: "single",
      turns: 6,
      engine: { milliseconds: { think: 2000 } },
      ramLimitBytes: { subject: GB },
      ownAnonymous: (now, bytes) => now > 3000 && now < 5000 ? GB + 1 : bytes,
    });
    assertEquals(named(events, "death").map(({ cause }) => cause), ["ram-limit"]);
    assertEquals(named(events, "resurrection").length, 1);
    assertEquals(result.reason, "turns");
  });
}

Deno.test("a device that has little left before first thoughts is short by what they will take", async () => {
  // Filled while the subject thinks; observer and god have yet to.
  const held = ALL - 2 * THINKING;
  const { events } = await play({
    ...onCard((now) => now > 1500 ? 24 * GB - held - THINKING - 64 * MB : GB, false),
    turns: 2,
    engine: { milliseconds: { think: 5000 } },
  });
  assertEquals(named(events, "death").map(({ cause, detail }) => [cause, detail])[0], [
    "device-memory",
    "cuda:0: 0.19 GB available where jars have yet to fill 0.25 GB; 64.00 MB are kept free",
  ]);
});

Deno.test("a device that vanishes: its jars die of it, and are not loaded again and again", async () => {
  const { result, events, engine } = await play({
    onDevices: [CARD],
    devices: (now, engine) => now > 3000 ? [] : [card(GB, engine, true)],
    turns: undefined,
    engine: { milliseconds: { think: 400 } },
  });
  const deaths = named(events, "death");
  assertEquals(deaths.map(({ id }) => id), ["god", "observer", "subject"]);
  assert(deaths.every(({ cause, pool }) => cause === "device-lost" && pool === "cuda:0"));
  assertEquals(deaths[0]?.detail, "cuda:0 is no more among the devices");
  assertEquals(engine.counts.load, 1);
  const refused = named(events, "warning").filter(({ code }) => code === "allocation-refused");
  assertEquals(refused.map(({ id, message }) => [id, message]), [
    ["subject", "Layer 2 refused 'subject': no-such-device on cuda:0"],
    ["observer", "Layer 2 refused 'observer': no-such-device on cuda:0"],
    ["god", "Layer 2 refused 'god': no-such-device on cuda:0"],
  ]);
  assertEquals([result.reason, result.reservedBytes], ["no-jar-left", 0]);
  assertEquals(result.pools.map(({ reservedBytes }) => reservedBytes), [0]);
});

Deno.test("a device that its driver misses once costs nobody's life", async () => {
  let missed = 0;
  const { result, events } = await play({
    onDevices: [CARD],
    devices: (now, engine) => {
      if (now > 3000 && missed === 0 && engine.minds === 3) return (missed++, []);
      return [card(GB, engine, true)];
    },
    turns: 5,
    engine: { milliseconds: { think: 700 } },
  });
  assertEquals([missed, named(events, "death").length, result.reason], [1, 0, "turns"]);
});

Deno.test("a device that stays too full for the watch is not loaded on in a loop", async () => {
  const { events, engine } = await play({
    ...onCard((now) => now > 3000 ? 24 * GB - CARD.bytes - 20 * MB : GB),
    mode: "single",
    turns: undefined,
    engine: { milliseconds: { think: 400 } },
    stopAfter: 60_000,
  });
  assertEquals(named(events, "death").map(({ cause }) => cause), ["device-memory"]);
  assertEquals(engine.counts.load, 1);
  assertEquals(
    named(events, "warning").map(({ code, message }) => [code, message.slice(0, 43)]),
    [["available-memory", "The watch would kill 'subject' at once: cud"]],
  );
});

Deno.test("a run writes what it has on a device, and what of it is filled, for other processes", async () => {
  await withFolder(async (folder) => {
    const ledger = new MemoryLedger({ folders: [folder] });
    const seen: unknown[] = [];
    const counts = { load: 0, context: 0, think: 0, dispose: 0 };
    const free = card(GB, { counts, models: 0, minds: 0 }, false);
    const memory = {
      ...{ totalBytes: 16 * GB, availableBytes: 15 * GB, reservedBytes: 0 },
      ...{ sources: [], warnings: [], devices: [free] },
    };
    const { result } = await play({
      ...onCard(() => GB, false),
      mode: "single",
      turns: 1,
      ledger: reservationLedger(ledger, () => Promise.resolve(memory)),
      onEvent: ({ event }) => {
        if (event !== "allocated" && event !== "loaded" && event !== "thought") return;
        const { entries } = JSON.parse(Deno.readTextFileSync(`${folder}/ledger.json`));
        seen.push([event, entries[0].devices[0].promisedBytes, entries[0].devices[0].filledBytes]);
      },
    });
    assertEquals(seen, [
      ["allocated", CARD.bytes, 0],
      ["loaded", CARD.bytes, CARD.bytes - THINKING],
      ["thought", CARD.bytes, CARD.bytes - THINKING],
    ]);
    assertEquals(result.exitCode, 0);
    assertEquals((await ledger.view()).sums, []);
  });
});
