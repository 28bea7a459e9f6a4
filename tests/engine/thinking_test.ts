import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { thinkingThreads } from "../../src/engine/mind.ts";
import { OPTIONS, SAMPLING, withModel } from "./models.ts";

const PROMPT = "I think therefore";

for (
  const [preset, what] of [
    ["tiny", "llama, F16"],
    ["tiny-qwen2", "qwen2, Q8_0"],
    ["tiny-gemma3", "gemma3, Q4_0"],
    ["tiny-mixtral", "llama with experts, Q8_0"],
    ["tiny-qwen3moe", "qwen3moe, Q8_0"],
  ] as const
) {
  Deno.test(`a generated model thinks: ${what}`, async () => {
    await withModel(preset, async (path, engine) => {
      const dry = await engine.dryLoad(path, OPTIONS);
      assert(dry.modelBytes > 0 && dry.contextBytes > 0);
      const model = await engine.load(path, { mmap: true });
      const mind = await model.createMind(OPTIONS);
      const thought = await mind.think(PROMPT, SAMPLING);
      assert(thought.tokens > 0 && thought.text.length > 0);
      assert(thought.promptTokens >= PROMPT.length, "every letter and the beginning is a token");
      await mind.dispose();
      await model.dispose();
    });
  });
}

Deno.test("the same seed gives the same thought, another seed another", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const think = async (seed: number) => {
      const mind = await model.createMind(OPTIONS);
      const long = `${PROMPT} `.repeat(6);
      const texts = [
        (await mind.think(long, { ...SAMPLING, seed })).text,
        (await mind.think("And then", { ...SAMPLING, seed })).text,
      ];
      await mind.dispose();
      return texts;
    };
    const first = await think(1);
    assertEquals(await think(1), first);
    assertNotEquals(await think(2), first);
    await model.dispose();
  });
});

Deno.test("pieces of text add up to the thought, and tokens to the context", async () => {
  await withModel("tiny-qwen2", async (path, engine) => {
    const model = await engine.load(path, { mmap: false });
    const mind = await model.createMind(OPTIONS);
    let streamed = "";
    const onText = (text: string) => void (streamed += text);
    const thought = await mind.think(PROMPT, { ...SAMPLING, onText });
    assertEquals(streamed, thought.text);
    assertEquals(mind.tokensUsed, thought.promptTokens + thought.tokens);
    assertEquals(thought.stop, "length");
    await model.dispose();
  });
});

Deno.test("a full context ends the thought and keeps its beginning", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    for (const contextSize of [100, 256]) {
      const mind = await model.createMind({ ...OPTIONS, contextSize });
      const thought = await mind.think(PROMPT, { ...SAMPLING, maxTokens: 1000 });
      assertEquals(thought.stop, "context-full");
      assert(mind.tokensUsed <= contextSize && mind.tokensUsed >= contextSize - 1);
      const next = await mind.think("More", SAMPLING);
      assertEquals([next.stop, next.tokens, next.text], ["context-full", 0, ""]);
      await mind.dispose();
    }
    await model.dispose();
  });
});

Deno.test("a prompt longer than the context is refused as a full context", async () => {
  await withModel("tiny", async (path, engine) => {
    const model = await engine.load(path, { mmap: true });
    const mind = await model.createMind(OPTIONS);
    assertEquals((await mind.think("z".repeat(300), SAMPLING)).stop, "context-full");
    assertEquals(mind.tokensUsed, 0);
    await model.dispose();
  });
});

Deno.test("the demo brain speaks in words and ends its thoughts", async () => {
  const { demoBrainPath } = await import("../../src/plan/model_path.ts");
  await withModel("tiny", async (_path, engine) => {
    const model = await engine.load(demoBrainPath(), { mmap: true });
    const mind = await model.createMind({ ...OPTIONS, contextSize: 4096, batchSize: 512 });
    let ended = 0;
    for (let seed = 0; seed < 10; seed++) {
      const message = `Turn ${seed}. Your vital signs: ${4096 - mind.tokensUsed} of 4096 tokens ` +
        "left, memory 0.03 GB, 0 deaths.";
      const options = { ...SAMPLING, maxTokens: 64, seed };
      const thought = await mind.think({ message, label: `Thought ${seed}:` }, options);
      assert(/^[\p{L}\d ,.;?']+$/u.test(thought.text), thought.text);
      if (thought.stop === "end") ended++;
    }
    assert(ended >= 5, `only ${ended} of 10 thoughts ended by themselves`);
    await model.dispose();
  });
});

Deno.test("small models think with one thread, large ones with what there is", () => {
  assertEquals(thinkingThreads(600_000, [8, 8]), 1);
  assertEquals(thinkingThreads(1e9, [8, 4]), 4);
  assertEquals(thinkingThreads(1e9, [0, 0]), 1);
});
