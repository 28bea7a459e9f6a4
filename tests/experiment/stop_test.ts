import { assert, assertEquals } from "@std/assert";
import { GB } from "../../src/budget/size.ts";
import type { Behaviour, Operation } from "./fake_engine.ts";
import { named, play, type StageOptions } from "./stage.ts";

/** The run is told to stop 1 s after its start; what it is doing then. */
const MOMENTS: readonly (readonly [what: string, operation: Operation, options: StageOptions])[] = [
  ["a load", "load", {}],
  ["a context's making", "context", {}],
  ["a thought", "think", {}],
  [
    "a resurrection",
    "context",
    { mode: "single", contextSize: 300, engine: { milliseconds: { think: 1 } } },
  ],
];

for (const [what, slow, options] of MOMENTS) {
  for (const behaviour of ["ok", "hang", "late", "deaf"] as const) {
    Deno.test(`stop during ${what}, engine ${behaviour}: the report within 3 s, all given back`, async () => {
      const first = what === "a resurrection" ? 2 : 1;
      const behave = (operation: Operation, count: number): Behaviour =>
        operation === slow && count === first ? behaviour : "ok";
      const { result, events, engine, clock } = await play({
        turns: undefined,
        ...options,
        engine: { milliseconds: { [slow]: 10_000 }, ...options.engine, behave },
        ...(what === "a resurrection" ? { engine: { milliseconds: { think: 100 }, behave } } : {}),
        stopAfter: 2500,
      });
      assertEquals([result.reason, result.exitCode], ["stopped", 130]);
      assert(clock.now() <= 5500, `${clock.now() - 2500} ms after the stop`);
      assertEquals(result.reservedBytes, 0);
      assertEquals(events.at(-1), result);
      assertEquals(engine.orphans, 0);
      if (behaviour === "ok" || behaviour === "hang") {
        assertEquals([engine.minds, engine.models], [0, 0]);
        assertEquals(named(events, "warning"), []);
      } else {
        assert(named(events, "warning").some(({ code }) => code === "engine-unsettled"));
      }
    });
  }
}

for (const behaviour of ["ok", "hang", "deaf"] as const) {
  Deno.test(`what a thought had said when it was stopped is told, engine ${behaviour}`, async () => {
    const { events, lines, result } = await play({
      mode: "single",
      turns: undefined,
      engine: {
        milliseconds: { think: 10_000 },
        behave: (operation) => operation === "think" ? behaviour : "ok",
        say: () => "Rain again",
      },
      stopAfter: 2500,
    });
    const [thought, ...others] = named(events, "thought");
    assertEquals([thought?.text, thought?.stop, thought?.tokens, others], [
      "Rain ",
      "aborted",
      1,
      [],
    ]);
    assert(thought?.prompt, "the prompt that it came of");
    assertEquals(
      lines.map(({ event }) => event).filter((event) => event !== "memory"),
      ["start", "validation", "allocated", "loaded", "thought", "end"],
    );
    assertEquals(result.thoughts, 1);
  });
}

Deno.test("a thought that was killed in the middle is told before the death", async () => {
  const { events } = await play({
    mode: "single",
    turns: 1,
    engine: { milliseconds: { think: 10_000 }, say: () => "Rain again" },
    available: (now) => (now > 1500 ? 0.1 : 15) * GB,
  });
  const told = events.filter(({ event }) => event === "thought" || event === "death");
  assertEquals(told.map(({ event }) => event), ["thought", "death"]);
});

Deno.test("what an engine makes after the stop is freed when it comes", async () => {
  const { engine, clock } = await play({
    engine: { behave: (operation) => operation === "load" ? "late" : "ok" },
    stopAfter: 1000,
  });
  assertEquals(engine.models, 0);
  await clock.sleep(100_000);
  assertEquals(engine.counts.dispose, 1);
  assertEquals(engine.models, 0);
});

for (const [stopReason, code] of [["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(`${stopReason} ends with ${code}`, async () => {
    const { result } = await play({
      turns: undefined,
      engine: { milliseconds: { think: 100 } },
      stopAfter: 1000,
      stopReason,
    });
    assertEquals([result.reason, result.exitCode, result.reservedBytes], ["stopped", code, 0]);
  });
}

Deno.test("stopped before it began: nothing is loaded", async () => {
  const { result, engine } = await play({
    onEvent: (event, stop) => {
      if (event.event === "validation") stop.abort("SIGINT");
    },
  });
  assertEquals([result.reason, result.exitCode, engine.counts.load], ["stopped", 130, 0]);
});

Deno.test("stopped while all are dead and wait: ends at once", async () => {
  const { result, clock } = await play({
    mode: "single",
    turns: undefined,
    engine: { behave: (operation) => operation === "think" ? "fail" : "ok" },
    stopAfter: 1000,
  });
  assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
  assert(clock.now() < 1500);
});

Deno.test("a turn that takes no time leaves signals their moment", async () => {
  const { result } = await play({
    turns: undefined,
    onEvent: (event, stop) => {
      if (event.event === "thought" && event.turn === 50) setTimeout(() => stop.abort("SIGINT"), 0);
    },
  });
  assertEquals(result.reason, "stopped");
});
