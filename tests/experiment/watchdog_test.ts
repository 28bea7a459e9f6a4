import { assert, assertEquals } from "@std/assert";
import { withWatchdog } from "../../src/experiment/jar/watchdog.ts";
import { FakeClock } from "./fake_clock.ts";

function options(clock: FakeClock, signal = new AbortController().signal) {
  return { clock, signal, limits: { stallMilliseconds: 1000, graceMilliseconds: 100 } };
}

Deno.test("withWatchdog: values and failures pass through, a synchronous throw too", async () => {
  const clock = new FakeClock();
  assertEquals(await withWatchdog(() => Promise.resolve(1), options(clock)), {
    kind: "done",
    value: 1,
  });
  const error = new Error("no");
  assertEquals(await withWatchdog(() => Promise.reject(error), options(clock)), {
    kind: "failed",
    error,
  });
  assertEquals(
    await withWatchdog(() => {
      throw error;
    }, options(clock)),
    { kind: "failed", error },
  );
});

Deno.test("withWatchdog: silence is a stall, a sign of life is none", async () => {
  const clock = new FakeClock();
  const silent = await withWatchdog(() => new Promise<never>(() => {}), options(clock));
  assertEquals([silent.kind, clock.now()], ["stalled", 1100]);
  assert(silent.kind === "stalled" && !silent.settled);

  const began = clock.now();
  const lively = await withWatchdog(async (_, alive) => {
    for (let step = 0; step < 10; step++) {
      await clock.sleep(900);
      alive();
    }
    return "done";
  }, options(clock));
  assertEquals([lively.kind, clock.now() - began], ["done", 9000]);
});

Deno.test("withWatchdog: a process that was stopped for long blames nobody when it goes on", async () => {
  const clock = new FakeClock();
  const stopped = 100_000;
  const outcomes = [150, 5000].map(async (takes) => {
    let slept = 0;
    const paused = {
      now: () => clock.now(),
      // The second look comes late, as all else does.
      sleep: (milliseconds: number, signal?: AbortSignal) =>
        clock.sleep(milliseconds + (++slept === 2 ? stopped : 0), signal),
    };
    const began = clock.now();
    const { kind } = await withWatchdog(
      () => clock.sleep(takes + stopped).then(() => "done"),
      { ...options(clock), clock: paused },
    );
    return { kind, silent: clock.now() - began - stopped };
  });
  const [short, long] = await Promise.all(outcomes);
  assertEquals(short, { kind: "done", silent: 150 });
  assertEquals(long?.kind, "stalled");
});

Deno.test("withWatchdog: what comes after an abort is discarded, and waited for a while", async () => {
  const clock = new FakeClock();
  for (const [takes, settled] of [[50, true], [5000, false]] as const) {
    const stop = new AbortController();
    const discarded: string[] = [];
    clock.sleep(10).then(() => stop.abort("SIGINT"));
    const outcome = await withWatchdog(async () => {
      await clock.sleep(takes + 10);
      return "late";
    }, {
      ...options(clock, stop.signal),
      discard: (value) => Promise.resolve(void discarded.push(value)),
    });
    if (outcome.kind !== "aborted") throw new Error(outcome.kind);
    assertEquals(outcome.settled, settled);
    await outcome.rest;
    assertEquals(discarded, ["late"]);
  }
});

Deno.test("withWatchdog: nothing is begun after an abort", async () => {
  let begun = false;
  const outcome = await withWatchdog(() => {
    begun = true;
    return Promise.resolve();
  }, options(new FakeClock(), AbortSignal.abort()));
  assertEquals([outcome.kind, begun], ["aborted", false]);
});
