import { assert, assertEquals, assertMatch } from "@std/assert";
import { GB, MB } from "../../src/budget/size.ts";
import { named, play } from "../experiment/stage.ts";
import { playApart, told } from "./apart.ts";
import type { FakeChild } from "./fake_child.ts";

Deno.test("jars in processes: the same transcript as in one, deaths and all", async () => {
  const options = { turns: 12, contextSize: 300, policy: { shareWeights: false } };
  const here = await play(options);
  const apart = await playApart(options);
  assert(named(here.events, "death").length > 0, "No death: nothing is shown");
  assertEquals(told(apart.lines), told(here.lines));
  assertEquals(apart.result.reservedBytes, 0);
  assertEquals(apart.result.givenBackBytes, here.result.givenBackBytes);
  for (const [{ engine }] of [...apart.children.values()] as [FakeChild][]) {
    assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
  }
});

Deno.test("jars in processes: text arrives while it is thought", async () => {
  const texts: string[] = [];
  const { events } = await playApart({
    mode: "single",
    turns: 1,
    onText: (_, text) => texts.push(text),
  });
  assertEquals(texts.join(""), named(events, "thought")[0]?.text);
});

const ENDS = [
  [{ code: 137, signal: "SIGKILL" }, "", "killed"],
  [{ code: 134, signal: "SIGABRT" }, "x.cpp:1: GGML_ASSERT(false) failed\n", "crashed"],
  [{ code: 1, signal: null }, "srun: error: node1: task 0: Out Of Memory\n", "out-of-memory"],
  [{ code: 0, signal: null }, "srun: error: Node failure on node2\n", "node-failed"],
  [{ code: 143, signal: null }, "slurmstepd: CANCELLED DUE TO PREEMPTION\n", "preempted"],
] as const;

/** Turns take a while, so that a dead jar's time to come back comes. */
const SLOW = { milliseconds: { think: 1000 } } as const;

for (const [end, said, cause] of ENDS) {
  Deno.test(`jars in processes: ${JSON.stringify(end)} is a death (${cause}), and it comes back`, async () => {
    let thoughts = 0;
    const { events, result, children } = await playApart({
      turns: 8,
      engine: SLOW,
      onTold: (event, children) => {
        if (event.event !== "thought" || event.id !== "god" || ++thoughts !== 2) return;
        children.get("god")?.[0]?.crash(end, said);
      },
    });
    const deaths = named(events, "death");
    assertEquals(deaths.map(({ id, cause }) => [id, cause]), [["god", cause]]);
    assert((deaths[0]?.givenBackBytes ?? 0) > 0, "What it had is given back by its end");
    assertEquals(named(events, "resurrection").map(({ id }) => id), ["god"]);
    assertEquals(children.get("god")?.length, 2);
    // The others think in every turn.
    const others = named(events, "thought").filter(({ id }) => id !== "god");
    assertEquals(others.length, 16);
    assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
  });
}

const KILLED = { code: 137, signal: "SIGKILL" } as const;

const EARLY = ["hello", "admitted", "loading", "loaded"] as const;

for (const when of EARLY) {
  Deno.test(`jars in processes: one that is killed at its first "${when}" dies, and comes back`, async () => {
    const { events, result } = await playApart({
      turns: 4,
      engine: SLOW,
      child: (id, count) => ({
        write: (answer, line) =>
          id === "observer" && count <= 2 && answer.answer === when ? KILLED : line,
      }),
    });
    assertEquals(
      named(events, "death").map((
        { id, cause, deaths, life },
      ) => [id, cause, deaths, life.thoughts]),
      [["observer", "killed", 1, 0], ["observer", "killed", 2, 0]],
    );
    assertEquals(named(events, "resurrection").map(({ id, deaths }) => [id, deaths]), [[
      "observer",
      2,
    ]]);
    // All of them think in every turn: nobody begins without it.
    assertEquals(named(events, "thought").length, 12);
    assertEquals([result.reason, result.reservedBytes], ["turns", 0]);
  });
}

Deno.test("jars in processes: one that is always killed before it lives is given up, and ends the run", async () => {
  const { events, result } = await playApart({
    child: () => ({ write: () => KILLED }),
  });
  assertEquals(named(events, "death").length, 5);
  assertEquals(named(events, "warning").at(-1)?.code, "jar-given-up");
  assertEquals([result.reason, result.exitCode, result.thoughts], ["failed", 3, 0]);
});

Deno.test("jars in processes: one that ends by itself before it is up is no jar", async () => {
  const { events, result, children } = await playApart({
    child: () => ({ write: () => ({ code: 127, signal: null }) }),
  });
  assertEquals(named(events, "death").length, 0);
  assertEquals(named(events, "warning")[0]?.code, "jar-exited");
  assertEquals([result.reason, children.get("subject")?.length], ["failed", 1]);
});

Deno.test("jars in processes: one that ends in the middle of its thought leaves what it said", async () => {
  let isKilled = false;
  const { events, lines } = await playApart({
    mode: "single",
    turns: 6,
    engine: SLOW,
    child: () => ({
      write: (answer, line) => {
        if (answer.answer === "thought" && !isKilled) {
          isKilled = true;
          return undefined;
        }
        return line;
      },
    }),
    onText: () => {},
    onTold: () => {},
    limits: { stallMilliseconds: 5_000 },
  });
  const [death] = named(events, "death");
  assertEquals(death?.cause, "engine-stalled");
  const [first] = named(events, "thought");
  assertEquals(first?.stop, "aborted");
  assertEquals(
    lines.filter(({ event }) => event === "thought").length,
    named(events, "thought").length,
  );
});

Deno.test("jars in processes: silence is a death, and so is what nobody understands", async () => {
  for (
    const [cause, write] of [
      ["silent", () => undefined],
      ["jar-protocol", () => "Welcome to node1!\n"],
      ["jar-protocol", () => '{"answer":"thinky"}\n'],
    ] as const
  ) {
    let loaded = false;
    const { events } = await playApart({
      mode: "single",
      turns: 12,
      engine: { milliseconds: { think: 10_000 } },
      child: (_, count) =>
        count > 1 ? {} : {
          write: (answer, line) => {
            const isFirst = !loaded;
            loaded ||= answer.answer === "loaded";
            return isFirst ? line : write();
          },
        },
    });
    const [death] = named(events, "death");
    assertEquals(death?.cause, cause);
    assertEquals(named(events, "resurrection").length, 1);
  }
});

Deno.test("jars in processes: one that stops listening while it dies dies once more, of silence", async () => {
  const { events, result, children } = await playApart({
    mode: "single",
    turns: 60,
    contextSize: 300,
    engine: SLOW,
    child: (_, count) => ({
      write: ({ answer }, line) => count === 1 && answer === "died" ? undefined : line,
    }),
  });
  const deaths = named(events, "death");
  assertEquals(deaths.slice(0, 2).map(({ cause }) => cause), ["context-full", "silent"]);
  assertEquals(named(events, "resurrection")[0]?.cause, "silent");
  assertEquals([children.get("subject")?.length, result.reservedBytes], [2, 0]);
});

Deno.test("jars in processes: a first line that nobody was there to read is asked for again", async () => {
  let hellos = 0;
  const { events, result } = await playApart({
    mode: "single",
    turns: 4,
    child: () => ({
      write: ({ answer }, line) => {
        if (answer !== "hello") return line;
        hellos++;
        return hellos === 1 ? undefined : line;
      },
    }),
  });
  assertEquals([hellos, named(events, "warning"), result.reason], [2, [], "turns"]);
  assertEquals(named(events, "thought").length, 4);
});

Deno.test("jars in processes: another version is refused with both named", async () => {
  const { events, result } = await playApart({ child: () => ({ version: "0.9.9" }) });
  const [warning] = named(events, "warning");
  assertEquals(warning?.code, "jar-version");
  assertMatch(warning?.message ?? "", /0\.9\.9.*node1.*1\.0\.0/);
  assertEquals(result.reason, "failed");
});

Deno.test("jars in processes: a model that isn't there is said with the host, before anything loads", async () => {
  const { events, result, children } = await playApart({
    mode: "single",
    start: { path: "/models/missing.gguf" },
  });
  assertEquals(
    named(events, "warning")[0]?.message,
    "Model file not found on node1: /models/missing.gguf",
  );
  assertEquals([result.reason, result.exitCode], ["failed", 2]);
  assertEquals(children.get("subject")?.[0]?.engine.counts.load, 0);
});

Deno.test("jars in processes: what is short there is the same refusal as here", async () => {
  const short = 600 * MB;
  const here = await play({
    mode: "single",
    available: (_, events) => events.length === 0 ? 15 * GB : short,
  });
  const apart = await playApart({ mode: "single", child: () => ({ available: () => short }) });
  const [refusal, there] = [here, apart].map(({ events }) => named(events, "warning")[0]);
  assertEquals(there, { ...refusal, launcher: "fake", host: "node1" });
  assertEquals(apart.result.exitCode, here.result.exitCode);
});

Deno.test("jars in processes: what each is started with and what it held is told, in the transcript too", async () => {
  const place = { launcher: "fake", isHere: false, limitBytes: GB, requestBytes: GB } as const;
  const { events, lines, result } = await playApart({
    start: { startsHere: false },
    turns: 2,
    places: place,
  });
  for (const { launcher, host } of named(events, "loaded")) {
    assertEquals([launcher, host], ["fake", "node1"]);
  }
  const { processes = [], allocationReport } = result;
  assertEquals(processes.map(({ id }) => id), ["subject", "observer", "god"]);
  for (const { host, limitBytes, mostHeldBytes = 0, pools } of processes) {
    assertEquals([host, limitBytes], ["node1", GB]);
    assert(mostHeldBytes > 0, "Its process held something");
    assert((pools[0]?.reservedBytes ?? 0) > 0, "It was alive");
  }
  // They were on another machine than the report's.
  assertEquals(allocationReport?.allocatedBytes, 0);
  const last = lines.findLast(({ event }) => event === "memory");
  const jars = last?.jars as { process?: { host?: string; mostHeldBytes?: number } }[];
  assertEquals(jars.map(({ process }) => process?.host), ["node1", "node1", "node1"]);
});

Deno.test("jars in processes: a process that ends before it says hello is told with its words", async () => {
  const { events, result } = await playApart({
    mode: "single",
    child: () => ({
      write: () => undefined,
      said: "srun: job 151 queued and waiting for resources\n",
    }),
    start: { startMilliseconds: 5_000 },
  });
  const [warning] = named(events, "warning");
  assertEquals(warning?.code, "jar-not-started");
  assertMatch(warning?.hint ?? "", /job 151 queued/);
  assertEquals(result.reason, "failed");
});

Deno.test("jars in processes: its own watch lets it die for the memory of its machine", async () => {
  let isShort = false;
  const { events } = await playApart({
    mode: "single",
    turns: 10,
    engine: SLOW,
    child: () => ({ available: () => isShort ? 900 * MB : 15 * GB }),
    onTold: (event) => {
      if (event.event === "thought") isShort = event.turn === 3;
    },
  });
  assertEquals(named(events, "death")[0]?.cause, "available-memory");
  assertEquals(named(events, "resurrection").length, 1);
});

Deno.test("jars in processes: a hand's kill, and a stop, leave nothing", async () => {
  const { events, result, children } = await playApart({
    turns: undefined,
    engine: SLOW,
    stopAfter: 20_000,
    onHand: (hand, clock) => {
      clock.sleep(6_000).then(() => hand.kill("observer"));
    },
  });
  assertEquals(named(events, "death")[0]?.cause, "by-hand");
  assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
  for (const { engine } of [...children.values()].flat()) {
    assertEquals([engine.minds, engine.models], [0, 0]);
  }
});

Deno.test("jars in processes: after its machine was lost it is started elsewhere, once", async () => {
  for (
    const [said, expected] of [["Node failure on node1", "node1"], ["Out Of Memory", undefined]]
  ) {
    const { avoided, events } = await playApart({
      mode: "single",
      turns: 30,
      engine: SLOW,
      // Elsewhere there is no room.
      child: (_, count) => count === 2 ? { helloAfter: Infinity } : {},
      onTold: (event, children) => {
        const [first, second] = children.get("subject") ?? [];
        if (event.event === "thought" && event.turn === 2) {
          first?.crash({ code: 0, signal: null }, `${said}\n`);
        }
        if (event.event === "death") assertEquals(second, undefined);
      },
      limits: { lastChances: 1000 },
    });
    assertEquals(named(events, "resurrection").length, 1);
    assertEquals(avoided, [undefined, expected, undefined]);
  }
});

Deno.test("jars in processes: one that lives and never gets loaded is refused in its time", async () => {
  const { events, result, clock } = await playApart({
    mode: "single",
    child: () => ({ write: ({ answer }, line) => answer === "loaded" ? undefined : line }),
    limits: { stallMilliseconds: 5_000 },
  });
  const [warning] = named(events, "warning");
  assertEquals(warning?.code, "jar-stalled");
  assertMatch(warning?.message ?? "", /'subject'.* nothing came of its load for 10 s$/);
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["failed", 3, 0]);
  assert(clock.now() < 20_000, `${clock.now()} ms`);
});

Deno.test("jars in processes: one that reads nothing any more is ended, and comes back", async () => {
  let thoughts = 0;
  const { events, result } = await playApart({
    mode: "single",
    turns: 4,
    onTold: (event, children) => {
      if (event.event !== "thought" || ++thoughts !== 2) return;
      children.get("subject")?.[0]?.closeStdin();
    },
    limits: { lastChances: 100 },
  });
  assertEquals(named(events, "death").map(({ cause, detail }) => [cause, detail]), [
    ["exited", "it closed its stdin"],
  ]);
  assertEquals([named(events, "resurrection").length, result.reservedBytes], [1, 0]);
});
