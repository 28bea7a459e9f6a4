import { assert, assertEquals } from "@std/assert";
import { EMPTY_VIEW, MOST_UTTERANCES, type RunView } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import { MIXED } from "../report/places/cases.ts";
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

Deno.test("view: where jars live, what they are held to and what their processes hold", async () => {
  const [[validation] = []] = (await sampleRun({ turns: 1 })).filter(([{ event }]) =>
    event === "validation"
  );
  if (validation?.event !== "validation") throw new Error("A run has a validation");
  const view = see(EMPTY_VIEW, { ...validation, validation: MIXED }, 0);
  // The one that isn't judged here stands where the run has it, held to its launcher's limit.
  assertEquals(view.jars.map(({ id, limitBytes }) => [id, limitBytes]), [
    ["subject", MIXED.places?.[0]?.limitBytes],
    ["observer", undefined],
    ["god", undefined],
  ]);
  const loaded = { event: "loaded", id: "subject", role: "subject", turn: 0 } as const;
  const memory = { event: "memory", turn: 0, pools: [], shared: [] } as const;
  const process = { isHere: false, host: "node1", job: "slurm:1", heldBytes: 5, mostHeldBytes: 7 };
  const living = [
    { ...loaded, model: "a", contextSize: 1, shared: false, host: "node1", milliseconds: 1 },
    { ...memory, jars: [{ id: "subject", pools: [], process }] },
  ].reduce((seen, event) => see(seen, event, 1), view);
  const [subject, observer, god] = living.jars.map(({ place }) => place);
  assertEquals(subject?.host, "node1");
  assertEquals([subject?.heldBytes, subject?.mostHeldBytes], [5, 7]);
  assertEquals([observer?.launcher, observer?.heldBytes], ["process", undefined]);
  assertEquals([god?.launcher, god?.isHere], [undefined, true]);

  const { heldBytes: _, ...over } = process;
  const ended = see(living, { ...memory, jars: [{ id: "subject", pools: [], process: over }] }, 2);
  const [after] = ended.jars.map(({ place }) => place);
  assertEquals([after?.heldBytes, after?.mostHeldBytes], [undefined, 7]);
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
