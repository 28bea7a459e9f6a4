import { assert, assertEquals } from "@std/assert";
import { getEventListeners } from "node:events";
import v8 from "node:v8";
import vm from "node:vm";
import type { RunHand } from "../../src/experiment/controls.ts";
import { openTranscript } from "../../src/experiment/transcript_file/open_transcript.ts";
import type { RunView } from "../../src/view/run_view.ts";
import { Viewers } from "../../src/view/viewers.ts";
import type { FakeClock } from "../experiment/fake_clock.ts";
import { play } from "../experiment/stage.ts";
import { linesIn, withFolder } from "../experiment/transcript_files.ts";

const HOUR = 3_600_000;
const KB = 1024;

v8.setFlagsFromString("--expose-gc");
const collectGarbage: () => void = vm.runInNewContext("gc");

/** All that aborts which was made and is still there, with the listeners that it has. */
function countControllers() {
  const Original = globalThis.AbortController;
  const made = new Set<WeakRef<AbortController>>();
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      made.add(new WeakRef(this));
    }
  };
  return {
    count() {
      let [controllers, listeners] = [0, 0];
      for (const reference of made) {
        const controller = reference.deref();
        if (controller === undefined) made.delete(reference);
        else {
          controllers++;
          listeners += getEventListeners(controller.signal, "abort").length;
        }
      }
      return { controllers, listeners };
    },
    [Symbol.dispose]: () => void (globalThis.AbortController = Original),
  };
}

/** What a run holds at a moment. */
interface Holding {
  readonly heapBytes: number;
  readonly viewCharacters: number;
  readonly controllers: number;
  readonly listeners: number;
  readonly sleepers: number;
}

Deno.test("a day: what is seen, listeners, timers and memory don't grow, and the transcript goes on", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/day.jsonl`;
    using aborts = countControllers();
    const held: Holding[] = [];
    let viewers: Viewers | undefined;
    let clock: FakeClock | undefined;
    let hand: RunHand | undefined;
    let nextLook = 2 * HOUR;
    const look = (now: number) => {
      if (viewers === undefined || clock === undefined || now < nextLook) return;
      nextLook += 2 * HOUR;
      collectGarbage();
      held.push({
        heapBytes: Deno.memoryUsage().heapUsed,
        viewCharacters: JSON.stringify(viewers.view).length,
        ...aborts.count(),
        sleepers: clock.sleepers,
      });
    };
    const { result } = await play({
      turns: undefined,
      contextSize: 2_000,
      engine: { milliseconds: { think: 12_000 }, tokens: 40 },
      limits: { watchMilliseconds: 5_000 },
      isForgotten: true,
      stopAfter: 24 * HOUR,
      // Every hour memory runs short for a while.
      available: (now) => (now % HOUR > HOUR - 6_000 ? 0.1 : 15) * 1024 ** 3,
      transcript: openTranscript(path, { maxBytes: 256 * KB }),
      onHand: (given, its) => {
        [hand, clock] = [given, its];
        viewers = new Viewers({ clock: its, pace: 1_000 });
        viewers.add({ hear: () => {}, close: () => Promise.resolve() });
      },
      onEvent: (event, stop) => {
        if (event.event === "validation") {
          stop.signal.addEventListener("abort", () => viewers?.finish());
        }
        viewers?.hear(event);
        if (event.event !== "thought" || event.id !== "god") return;
        // A person looks in now and then.
        if (event.turn % 50 === 0) hand?.kill("observer");
        if (event.turn % 70 === 0) hand?.whisper(`It is turn ${event.turn}`);
        if (event.turn % 90 === 0) hand?.setPrompt("god", `Be the god of turn ${event.turn}.`);
        if (event.turn % 110 === 0) {
          hand?.pause();
          clock?.sleep(30_000).then(() => hand?.resume());
        }
        look(clock?.now() ?? 0);
      },
      onText: (id, text) => viewers?.hear({ event: "text", id, text }),
      onMemory: (sample) => viewers?.hear(sample),
      heard: async () => await viewers?.caughtUp(),
    });
    assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
    assert(result.thoughts > 5_000, `${result.thoughts} thoughts`);
    assert(result.deaths > 300 && result.resurrections > 300, `${result.deaths} deaths`);
    const view: RunView | undefined = viewers?.view;
    assertEquals(view?.jars.reduce((sum, { deaths }) => sum + deaths, 0), result.deaths);

    // By then all that has a bound is full.
    const [early, late] = [held[3], held.at(-1)];
    if (early === undefined || late === undefined) throw new Error("A day has looks");
    assert(held.length >= 11, `${held.length} looks`);
    assert(late.heapBytes < early.heapBytes + 2 * KB * KB, "Memory");
    assert(late.viewCharacters < 1.2 * early.viewCharacters, "What is seen");
    assert(late.controllers <= early.controllers + 5, "What aborts");
    assert(late.listeners <= early.listeners + 5, "Listeners");
    assert(late.sleepers <= early.sleepers + 5, "Timers");

    for (const name of [path, ...Array.from({ length: 9 }, (_, at) => `${path}.${at + 1}`)]) {
      const lines = await linesIn(name);
      assertEquals(lines.slice(0, 2).map(({ event }) => event), ["start", "validation"]);
      assert((await Deno.stat(name)).size <= 256 * KB);
    }
  });
});
