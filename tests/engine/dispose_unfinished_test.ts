import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { collectGarbage } from "../../src/engine/collect_garbage.ts";
import { openEngine } from "../../src/engine/open.ts";
import { OPTIONS, SAMPLING } from "./models.ts";

const DEMO_BRAIN = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;

/** A disposal takes milliseconds; one that waits for a collected part never ends. */
const SOON_MILLISECONDS = 20_000;

/** Whether `work` ends at all. */
async function ends(work: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), SOON_MILLISECONDS);
  });
  const ended = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}

/** A turn of the event loop, and a collection of what nobody holds after it. */
async function collectLater(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(collectGarbage("last-resort"));
}

Deno.test("an engine ends although a load failed, and another was aborted", async () => {
  const engine = await openEngine();
  const bytes = await Deno.readFile(DEMO_BRAIN);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("blk.0.attn_q.weight");
  bytes.set(new TextEncoder().encode("blk.0.attn_Q.weight"), at);
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, bytes);
    await assertRejects(() => engine.load(path, { mmap: true }), BrainjarError, "load the model");
  } finally {
    await Deno.remove(path);
  }
  await collectLater();
  // At its first progress: while the native load goes on.
  const abort = new AbortController();
  const reason = new Error("enough");
  const options = { mmap: false, signal: abort.signal, onProgress: () => abort.abort(reason) };
  const aborted = await engine.load(DEMO_BRAIN, options).catch((error: unknown) => error);
  assertEquals(aborted, reason);
  await collectLater();
  assert(await ends(engine.dispose()), "It waits for a model that nobody has");
});

Deno.test("a model is freed although a context failed, and others live on meanwhile", async () => {
  const engine = await openEngine();
  const model = await engine.load(DEMO_BRAIN, { mmap: true });
  const mind = await model.createMind(OPTIONS);
  const impossible = { ...OPTIONS, flashAttention: false, kvCacheValueType: "Q8_0" } as const;
  await assertRejects(() => model.createMind(impossible), BrainjarError, "context");
  await collectLater();
  assert((await mind.think("I think", SAMPLING)).tokens > 0);
  await mind.dispose();
  assert(await ends(model.dispose()), "It waits for a context that nobody has");
  assert(await ends(engine.dispose()));
});
