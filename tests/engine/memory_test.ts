import { assert } from "@std/assert";
import { collectGarbage } from "../../src/engine/collect_garbage.ts";
import { trimMemory } from "../../src/engine/trim_memory.ts";
import { anonymousBytes, OPTIONS, SAMPLING, withModel } from "./models.ts";

const LINUX = Deno.build.os === "linux";
const MEBI = 1024 * 1024;

// A context large enough that keeping one would show: 2 layers × 32 wide × 8192 cells × 2 × F32.
const LARGE = {
  ...OPTIONS,
  contextSize: 8192,
  kvCacheKeyType: "F32",
  kvCacheValueType: "F32",
} as const;

Deno.test({
  name: "memory is given back: 20 contexts made, used and disposed",
  ignore: !LINUX,
  fn: async () => {
    await withModel("60m-q8_0", async (path, engine) => {
      const model = await engine.load(path, { mmap: true });
      const live = async () => {
        const mind = await model.createMind({ ...LARGE, flashAttention: false });
        await mind.think("I think therefore", { ...SAMPLING, maxTokens: 4 });
        const alive = anonymousBytes();
        await mind.dispose();
        return { alive, after: anonymousBytes() };
      };
      const first = await live();
      assert(first.alive - first.after > 20 * MEBI, "a context is large enough to be missed");
      let last = first.after;
      for (let death = 1; death < 20; death++) last = (await live()).after;
      const growth = last / first.after - 1;
      assert(growth < 0.1, `anonymous memory grew by ${(growth * 100).toFixed(1)} %`);
      await model.dispose();
    }, { layers: 2, vocabularySize: 2000, contextLength: 8192 });
  },
});

Deno.test({
  name: "two contexts on one model share its weights",
  ignore: !LINUX,
  fn: async () => {
    await withModel("60m-q8_0", async (path, engine) => {
      const weights = (await Deno.stat(path)).size;
      // What earlier tests left behind would be collected during the load and hide its cost.
      collectGarbage();
      await trimMemory();
      const before = anonymousBytes();
      const model = await engine.load(path, { mmap: false });
      assert(
        anonymousBytes() - before > weights * 0.9,
        "weights that are not mapped are anonymous",
      );
      const first = await model.createMind(OPTIONS);
      const one = anonymousBytes();
      const second = await model.createMind(OPTIONS);
      assert(anonymousBytes() - one < weights / 2, "the second context loaded the weights again");
      await first.dispose();
      await second.dispose();
      const loaded = anonymousBytes();
      await model.dispose();
      assert(loaded - anonymousBytes() > weights * 0.9, "disposing the model returned its weights");
    });
  },
});

Deno.test({
  name: "memory is given back: 20 loads of a model with a real vocabulary, without mmap",
  ignore: !LINUX,
  fn: async () => {
    await withModel("60m-q8_0", async (path, engine) => {
      const live = async () => {
        await (await engine.load(path, { mmap: false })).dispose();
        return anonymousBytes();
      };
      // What is freed a first time leaves its holes in arenas that then stay.
      let first = 0;
      for (let load = 0; load < 3; load++) first = await live();
      let last = first;
      for (let load = 3; load < 20; load++) last = await live();
      const growth = last / first - 1;
      assert(growth < 0.1, `anonymous memory grew by ${(growth * 100).toFixed(1)} %`);
    }, { layers: 2, vocabulary: "llama-spm" });
  },
});
