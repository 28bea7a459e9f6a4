import { assert, assertEquals } from "@std/assert";
import { EMPTY_VIEW, MOST_UTTERANCES, type RunView } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import { type Heard, sampleRun } from "./sample_run.ts";

function watch(heard: readonly Heard[]): RunView {
  return heard.reduce((view, [event, at]) => see(view, event, at), EMPTY_VIEW);
}

Deno.test("view: a whole run, its deaths, lives and words", async () => {
  const heard = await sampleRun();
  const view = watch(heard);
  assertEquals(view.phase, "ended");
  assertEquals(view.jars.map(({ id }) => id), ["subject", "observer", "god"]);
  const deaths = heard.filter(([event]) => event.event === "death").length;
  assert(deaths > 0, "The sample has deaths");
  assertEquals(view.lives.length, deaths);
  assertEquals(view.jars.reduce((sum, jar) => sum + jar.deaths, 0), deaths);
  for (const life of view.lives) assert(life.death !== undefined && life.thoughts > 0);
});

Deno.test("view: each thing is said once", async () => {
  const view = watch(await sampleRun({ turns: 3, contextSize: 4096 }));
  const observed = view.utterances.filter(({ id }) => id === "observer");
  assertEquals(observed.map(({ kind }) => kind), ["note", "note", "note"]);
  assertEquals(view.utterances.map(({ number }) => number), view.utterances.map((_, at) => at + 1));
});

Deno.test("view: a thought is there while it is thought", async () => {
  const heard = await sampleRun({ turns: 1, contextSize: 4096 });
  const second = heard.findIndex(([event]) => event.event === "text") + 1;
  const subject = watch(heard.slice(0, second + 1)).jars[0];
  assertEquals(subject?.state, "thinking");
  assertEquals(subject?.thought?.isWhole, false);
});

Deno.test("view: however long a run is, what is seen of it has a bound", async () => {
  const heard = await sampleRun({ turns: 2, contextSize: 4096 });
  let view = EMPTY_VIEW;
  for (let round = 0; round < 300; round++) {
    for (const [event, at] of heard) view = see(view, event, round * 100_000 + at);
  }
  assertEquals(view.utterances.length, MOST_UTTERANCES);
  assert(JSON.stringify(view).length < 400_000, "A view is small");
});
