import { assertEquals, assertMatch } from "@std/assert";
import type { RunEvent } from "../../src/experiment/events.ts";
import { named } from "../experiment/stage.ts";
import { type ApartOptions, playApart, told } from "./apart.ts";

// Jars whose processes wait in a scheduler's queue before a run begins.

const KILLED = { code: 137, signal: "SIGKILL" } as const;

/** Plays with processes that are started ahead of their jars' turns. */
function playQueued({ start, ...options }: ApartOptions = {}) {
  return playApart({ ...options, start: { startsHere: false, ...start } });
}

/** Never gets out of its queue. */
const NEVER = { helloAfter: Infinity } as const;

/** What happened, in a word each, but for how long it is waited. */
function words(events: readonly RunEvent[]): string[] {
  const isWait = (event: RunEvent) => event.event === "warning" && event.code === "jar-waits";
  return events.filter((event) => !isWait(event)).map((event) =>
    "id" in event ? `${event.event} ${event.id}` : event.event
  );
}

Deno.test("queue: all are submitted before one is let in, and loaded in their order", async () => {
  let submitted = 0;
  const { events, children, lines } = await playQueued({
    turns: 2,
    onTold: (event, { size }) => {
      if (event.event === "allocated") submitted ||= size;
    },
    // The first one has to wait for longest.
    child: (id) => ({ helloAfter: { subject: 90_000, observer: 20_000 }[id] ?? 0 }),
    start: { startMilliseconds: 600_000 },
  });
  assertEquals(submitted, 3);
  assertEquals([...children.values()].map(({ length }) => length), [1, 1, 1]);
  assertEquals(words(events).slice(0, 7), [
    "validation",
    ...["subject", "observer", "god"].flatMap((id) => [`allocated ${id}`, `loaded ${id}`]),
  ]);
  const atOnce = await playApart({ turns: 2 });
  assertEquals(told(lines), told(atOnce.lines));
});

Deno.test("queue: one that is refused ends those that wait, at once", async () => {
  const { events, result, children, clock } = await playQueued({
    child: (id) => id === "god" ? { write: () => ({ code: 1, signal: null }) } : NEVER,
  });
  assertEquals(words(events), ["validation", "warning god", "end"]);
  assertEquals(named(events, "warning")[0]?.code, "jar-exited");
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["failed", 3, 0]);
  await assertNoneLeft(children);
  assertEquals(clock.now() < 10_000, true, `${clock.now()} ms`);
});

Deno.test("queue: one that never starts ends those that did", async () => {
  const { events, result, children } = await playQueued({
    child: (id) => id === "observer" ? NEVER : {},
    start: { startMilliseconds: 30_000 },
  });
  assertEquals(words(events), ["validation", "warning observer", "end"]);
  const warning = named(events, "warning").at(-1);
  assertEquals(warning?.code, "jar-not-started");
  assertMatch(warning?.message ?? "", /didn't start 'observer' within 30 s/);
  assertEquals([result.reason, result.reservedBytes], ["failed", 0]);
  await assertNoneLeft(children);
});

Deno.test("queue: where one can be done without, the others begin", async () => {
  const { events, result } = await playQueued({
    turns: 2,
    allowPartial: true,
    child: (id) => id === "god" ? NEVER : {},
    start: { startMilliseconds: 30_000 },
  });
  assertEquals(named(events, "loaded").map(({ id }) => id), ["subject", "observer"]);
  assertEquals([result.reason, result.thoughts], ["turns", 4]);
});

Deno.test("queue: a process that ends before its jar's turn is a death, and it comes back", async () => {
  const { events, result, children } = await playQueued({
    turns: 2,
    child: (id, count) => id === "subject" ? { helloAfter: count === 1 ? 60_000 : 0 } : {},
    onTold: (event, children) => {
      // It has said hello long ago.
      if (event.event === "allocated" && event.id === "subject") {
        children.get("god")?.[0]?.crash(KILLED);
      }
    },
    start: { startMilliseconds: 600_000 },
  });
  assertEquals(words(events).slice(1, 7), [
    "allocated subject",
    "loaded subject",
    "allocated observer",
    "loaded observer",
    "death god",
    "resurrection god",
  ]);
  assertEquals(named(events, "death")[0]?.cause, "killed");
  assertEquals(children.get("god")?.length, 2);
  assertEquals([result.thoughts, result.reservedBytes], [6, 0]);
});

Deno.test("queue: what is ended in its queue is submitted again in its turn", async () => {
  const { events, result } = await playQueued({
    turns: 1,
    child: (id, count) =>
      id === "observer" && count === 1 ? { write: () => ({ code: 143, signal: "SIGTERM" }) } : {},
  });
  assertEquals(named(events, "death").map(({ id, cause }) => `${id} ${cause}`), [
    "observer terminated",
  ]);
  assertEquals([result.thoughts, result.reservedBytes], [3, 0]);
});

Deno.test("queue: a jar in this process waits for the others, and is loaded in its order", async () => {
  for (const here of ["subject", "observer", "god"]) {
    const { events, engine, children } = await playQueued({
      turns: 1,
      here: [here],
      child: () => ({ helloAfter: 20_000 }),
      policy: { shareWeights: false },
    });
    assertEquals(named(events, "loaded").map(({ id }) => id), ["subject", "observer", "god"]);
    assertEquals([children.size, engine.counts.load, engine.minds, engine.models], [2, 1, 0, 0]);
  }
});

Deno.test("queue: a stop while they wait ends all of them in its time", async () => {
  const { result, children, clock } = await playQueued({ child: () => NEVER, stopAfter: 5_000 });
  assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
  assertEquals(clock.now() - 5_000 <= 3_000, true, `${clock.now()} ms`);
  await assertNoneLeft(children);
});

async function assertNoneLeft(children: Awaited<ReturnType<typeof playQueued>>["children"]) {
  const all = [...children.values()].flat();
  assertEquals(all.length, 3);
  for (const { status } of all) await status;
}
