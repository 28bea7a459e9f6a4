import { assert, assertEquals, assertRejects } from "@std/assert";
import { OPTIONS, SAMPLING, withModel } from "./models.ts";

// Enough to be sure that nothing waited for a load or a thought to end by itself.
const PROMPTLY_MILLISECONDS = 3000;

Deno.test("a load that is aborted rejects with the reason, promptly", async () => {
  await withModel("60m-q8_0", async (path, engine) => {
    const reason = new Error("enough");
    for (const when of ["before", "at once", "while it reads"]) {
      const abort = new AbortController();
      let aborted = performance.now();
      const stop = () => {
        aborted = performance.now();
        abort.abort(reason);
      };
      if (when === "before") stop();
      const loading = engine.load(path, {
        mmap: false,
        signal: abort.signal,
        onProgress: () => {
          if (when === "while it reads" && !abort.signal.aborted) stop();
        },
      });
      if (when === "at once") stop();
      const error = await loading.then(() => undefined, (error: unknown) => error);
      assertEquals(error, reason, when);
      assert(performance.now() - aborted < PROMPTLY_MILLISECONDS, when);
    }
    // The engine still works.
    const model = await engine.load(path, { mmap: true });
    await model.dispose();
  }, { layers: 4 });
});

Deno.test("a context whose creation is aborted rejects with the reason", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const abort = new AbortController();
    const creating = model.createMind(OPTIONS, abort.signal);
    const reason = new Error("enough");
    abort.abort(reason);
    assertEquals(await creating.then(() => undefined, (error: unknown) => error), reason);
    const mind = await model.createMind(OPTIONS);
    await mind.dispose();
    await model.dispose();
  });
});

Deno.test("a thought that is aborted says so and keeps what was said", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const mind = await model.createMind({ ...OPTIONS, contextSize: 2048 });
    const abort = new AbortController();
    let pieces = 0;
    const thought = await mind.think("I think", {
      ...SAMPLING,
      maxTokens: 1000,
      signal: abort.signal,
      onText: () => {
        if (++pieces === 5) abort.abort();
      },
    });
    assertEquals(thought.stop, "aborted");
    assert(thought.tokens >= 5 && thought.tokens < 100);
    assertEquals((await mind.think("And", { ...SAMPLING, signal: abort.signal })).tokens, 0);
    assertEquals((await mind.think("And", SAMPLING)).stop, "length");
    await model.dispose();
  });
});

Deno.test("disposing a mind ends its thought", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const mind = await model.createMind({ ...OPTIONS, contextSize: 2048 });
    const thinking = mind.think("I think", { ...SAMPLING, maxTokens: 2000 });
    await mind.dispose();
    assertEquals((await thinking).stop, "aborted");
    assertEquals(mind.tokensUsed, 0);
    await model.dispose();
  });
});

Deno.test("a mind of a disposed model fails with an error, not a crash", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const mind = await model.createMind(OPTIONS);
    await model.dispose();
    await assertRejects(() => mind.think("Hello", SAMPLING), Error, "thinking");
  });
});
