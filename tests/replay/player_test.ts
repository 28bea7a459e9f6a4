import { assert, assertEquals } from "@std/assert";
import type { RunControls } from "../../src/experiment/controls.ts";
import { chooseRun, indexRuns } from "../../src/replay/index_runs.ts";
import { Player, type PlayOptions } from "../../src/replay/player.ts";
import { RecordedRun } from "../../src/replay/recorded_run.ts";
import type { RunView } from "../../src/view/run_view.ts";
import type { ViewEvent } from "../../src/view/view_event.ts";
import { FakeClock } from "../experiment/fake_clock.ts";
import { lineOf, START, withFiles } from "./transcripts.ts";

const thought = (turn: number) => ({
  ...{ event: "thought", id: "subject", role: "subject", turn, text: `one two ${turn}` },
  ...{ promptTokens: 3, tokens: 2, stop: "end", contextTokens: turn, contextSize: 64, seed: 7 },
  prompt: "Think.",
});

const LAST = 20;

/** A thought every two seconds, but for one that took a minute. */
const TEXT = lineOf(START, 0) + Array.from(
  { length: LAST },
  (_, index) => lineOf(thought(index + 1), (index + 1) * 2000 + (index >= 10 ? 60_000 : 0)),
).join("");

interface Played {
  /** When each thought was heard, in milliseconds since the replay began. */
  readonly heard: readonly (readonly [turn: number, now: number])[];
  readonly shown: readonly (readonly [turn: number, phase: RunView["phase"]])[];
  readonly took: number;
}

async function play(
  options: Partial<PlayOptions>,
  { from, onThought }: {
    readonly from?: number;
    readonly onThought?: (turn: number, controls: RunControls, clock: FakeClock) => void;
  } = {},
): Promise<Played> {
  return await withFiles([TEXT], async (files) => {
    const run = new RecordedRun(files, chooseRun(await indexRuns(files), 1, ""));
    const clock = new FakeClock();
    const player = new Player(run, {
      clock,
      speed: 1,
      maxGap: 5000,
      staysAtEnd: false,
      ...options,
    });
    const heard: [number, number][] = [];
    const shown: [number, RunView["phase"]][] = [];
    player.add({
      hear: (event: ViewEvent) => {
        if (event.event !== "thought") return;
        heard.push([event.turn, clock.now()]);
        onThought?.(event.turn, player.controls, clock);
      },
      show: ({ turn, phase }) => shown.push([turn, phase]),
      close: () => Promise.resolve(),
    });
    await player.play(from);
    return { heard, shown, took: clock.now() };
  });
}

/** Between what was heard, rounded to the tenth of a second: fake sleeps are a little late. */
function gaps({ heard }: Played): number[] {
  return heard.map(([, now], index) => Math.round((now - (heard[index - 1]?.[1] ?? 0)) / 100) / 10);
}

Deno.test("player: as fast as it was, a gap shortened", async () => {
  const played = await play({});
  assertEquals(played.heard.map(([turn]) => turn), Array.from({ length: LAST }, (_, at) => at + 1));
  for (const [index, gap] of gaps(played).entries()) {
    // Three pieces of a thought: the gap of a minute is three gaps.
    const expected = index === 10 ? 15 : 2;
    assert(Math.abs(gap - expected) <= 0.2, `${index}: ${gap}`);
  }
});

Deno.test("player: twice as fast, and without a wait", async () => {
  const twice = gaps(await play({ speed: 2 }));
  assert(twice.every((gap, index) => Math.abs(gap - (index === 10 ? 7.5 : 1)) <= 0.2), `${twice}`);
  const { took, heard } = await play({ speed: Infinity });
  assertEquals(heard.length, LAST);
  assert(took < 200, `${took}`);
});

Deno.test("player: from a turn on, and beyond the last one from that", async () => {
  for (const [from, first] of [[0, 1], [1, 1], [7, 7], [LAST, LAST], [999, LAST]] as const) {
    const { heard, shown } = await play({ speed: Infinity }, { from });
    assertEquals(heard[0]?.[0], first);
    assertEquals(heard.at(-1)?.[0], LAST);
    if (from > 0) assertEquals(shown, [[first - 1, first === 1 ? "starting" : "running"]]);
  }
});

Deno.test("player: back and on by turns, the view is the one that was there", async () => {
  const jumps = new Map([[5, 2], [9, 15]]);
  const { heard, shown } = await play({}, {
    onThought: (turn, { replay }) => {
      const to = jumps.get(turn);
      jumps.delete(turn);
      if (to !== undefined) replay?.goTo(to);
    },
  });
  assertEquals(heard.map(([turn]) => turn), [
    ...[1, 2, 3, 4, 5],
    ...[2, 3, 4, 5, 6, 7, 8, 9],
    ...[15, 16, 17, 18, 19, 20],
  ]);
  assertEquals(shown, [[1, "running"], [14, "running"]]);
});

Deno.test("player: paused, nothing is heard until it goes on", async () => {
  const played = await play({}, {
    onThought: (turn, controls, clock) => {
      if (turn !== 3) return;
      controls.pause();
      assertEquals(controls.isPaused, true);
      clock.sleep(30_000).then(() => controls.resume());
    },
  });
  assert(Math.abs((gaps(played)[3] ?? 0) - 32) <= 0.3, `${gaps(played)}`);
  assertEquals(played.shown, [[3, "paused"], [3, "running"]]);
});

Deno.test("player: the speed is changed on the way, within its bounds", async () => {
  const played = await play({}, {
    onThought: (turn, { replay }) => {
      if (turn === 2) replay?.setSpeed(4);
      if (turn === 4) replay?.setSpeed(1e9);
      if (turn === 5) assertEquals(replay?.speed, 1000);
      if (turn === 6) replay?.setSpeed(0);
      if (turn === 7) {
        assertEquals(replay?.speed, 0.1);
        replay?.setSpeed(Infinity);
      }
    },
  });
  const [, , third = 0, fourth = 0, fifth = 0, , seventh = 0, eighth = 0] = gaps(played);
  assert(Math.abs(third - 0.5) <= 0.1 && Math.abs(fourth - 0.5) <= 0.1, `${gaps(played)}`);
  assert(fifth <= 0.1 && Math.abs(seventh - 20) <= 0.3 && eighth <= 0.1, `${gaps(played)}`);
});

Deno.test("player: at its end it stays until it is quit, and somebody may go back", async () => {
  let wasAtEnd = false;
  const { heard } = await play({ speed: Infinity, staysAtEnd: true }, {
    onThought: (turn, controls, clock) => {
      if (turn !== LAST) return;
      const goesBack = !wasAtEnd;
      wasAtEnd = true;
      clock.sleep(1000).then(() => goesBack ? controls.replay?.goTo(19) : controls.quit());
    },
  });
  assertEquals(heard.slice(-3).map(([turn]) => turn), [20, 19, 20]);
});

Deno.test("player: quit in the middle, and while it is paused", async () => {
  const quit = await play({}, { onThought: (turn, controls) => turn === 4 && controls.quit() });
  assertEquals(quit.heard.length, 4);
  const paused = await play({}, {
    onThought: (turn, controls, clock) => {
      if (turn !== 4) return;
      controls.pause();
      clock.sleep(50).then(() => controls.quit());
    },
  });
  assertEquals(paused.heard.length, 4);
});

Deno.test("player: what has happened can't be changed, and that is said", async () => {
  await play({ speed: Infinity }, {
    onThought: (_, controls) => {
      const answers = [
        controls.kill("subject"),
        controls.whisper("Wake up"),
        controls.setPrompt("subject", "You are free."),
      ];
      for (const answer of answers) {
        assertEquals(answer, "This is a replay: what it shows has already happened");
      }
      assertEquals(controls.promptOf("god"), "You are the god & <nobody> else.");
      controls.quit();
    },
  });
});
