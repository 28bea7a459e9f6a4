import { assertEquals } from "@std/assert";
import { Advance } from "../../src/jar_process/advance.ts";
import type { JarAnswer } from "../../src/report/schema/jar.ts";
import { FakeClock } from "../experiment/fake_clock.ts";

const VITALS: JarAnswer = { answer: "vitals", alive: false, contextTokens: 0, pools: [] };

const loading = (fraction: number): JarAnswer => ({ answer: "loading", fraction });

/** What is said, one answer a second, and for how long it is then waited. */
const STANDS_STILL: readonly (readonly [
  name: string,
  said: (second: number) => JarAnswer,
  seconds: number,
])[] = [
  ["signs of life", () => VITALS, 10],
  ["the same fraction", () => loading(0.5), 11],
  ["a fraction that goes back", (second) => loading(second === 1 ? 0.5 : 0.1), 11],
  ["steps too small to ever end", (second) => loading(second * 1e-5), 10],
  ["more than all of it", (second) => loading(second), 11],
  ["a load that gets on, slowly, and ends", (second) => loading(second / 100), 110],
];

for (const [name, said, seconds] of STANDS_STILL) {
  Deno.test(`advance: ${name} for ${seconds} s`, async () => {
    const clock = new FakeClock();
    const advance = new Advance(clock, 10_000);
    const over = new AbortController();
    const say = async () => {
      for (let second = 1; !over.signal.aborted; second++) {
        await clock.sleep(1000, over.signal);
        advance.hear(said(second));
      }
    };
    say();
    assertEquals(await advance.settles(new Promise(() => {})), false);
    over.abort();
    assertEquals(Math.round(clock.now() / 1000), seconds);
  });
}

Deno.test("advance: a run that was stopped itself waits on, and what settles in time is let in", async () => {
  const clock = new FakeClock();
  let asleep = 0;
  const stopped = {
    now: () => clock.now() + asleep,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      clock.sleep(milliseconds, signal).then(() => {
        // Its laptop was closed meanwhile.
        asleep = 3_600_000;
      }),
  };
  const advance = new Advance(stopped, 10_000);
  assertEquals(await advance.settles(clock.sleep(12_000)), true);
});
