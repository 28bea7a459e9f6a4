import { assert, assertEquals } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { engineFailure } from "../../src/engine/failure.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { OPTIONS, withModel } from "./models.ts";

/** The error that an attempt ends with, which shows no stack to a person. */
async function failure(attempt: Promise<unknown>): Promise<BrainjarError> {
  const error = await attempt.then(() => undefined, (error: unknown) => error);
  if (!(error instanceof BrainjarError)) throw new Error(`Not a BrainjarError: ${error}`);
  const shown = [error.message, error.hint, String(error.cause)].join("\n");
  assert(!/\n\s+at /.test(shown), shown);
  return error;
}

/** How a load and a dry load fail. */
async function failures(engine: Engine, path: string): Promise<BrainjarError[]> {
  return [
    await failure(engine.load(path, { mmap: true })),
    await failure(engine.dryLoad(path, OPTIONS)),
  ];
}

for (
  const [what, damage] of [
    ["nonsense", () => new TextEncoder().encode("this is no model")],
    ["nothing", () => new Uint8Array()],
    ["a cut vocabulary", (whole: Uint8Array) => whole.subarray(0, 3000)],
    ["a cut header", (whole: Uint8Array) => whole.subarray(0, 20)],
  ] as const
) {
  Deno.test(`a file of ${what} fails to load with a hint`, async () => {
    await withModel("tiny", async (path, engine) => {
      await Deno.writeFile(path, damage(await Deno.readFile(path)));
      for (const error of await failures(engine, path)) {
        assertEquals([error.code, error.kind], ["model-load-failed", "engine"]);
        assert(error.message.includes(path));
        assert(error.hint !== undefined && error.hint.length > 20);
      }
    });
  });
}

Deno.test("weights that are cut off fail to load, and the hint says what is missing", async () => {
  await withModel("tiny", async (path, engine) => {
    await Deno.truncate(path, 200_000);
    const error = await failure(engine.load(path, { mmap: true }));
    assert(error.hint?.includes("not within the file bounds"), error.hint);
  });
});

Deno.test("an architecture that llama.cpp has not is the model's fault", async () => {
  await withModel("tiny", async (path, engine) => {
    const bytes = await Deno.readFile(path);
    const text = new TextDecoder("latin1").decode(bytes);
    const at = text.indexOf("general.architecture") + "general.architecture".length + 4 + 8;
    bytes.set(new TextEncoder().encode("brain"), at);
    await Deno.writeFile(path, bytes);
    for (const error of await failures(engine, path)) {
      assertEquals([error.code, error.kind], ["unsupported-architecture", "usage"]);
      assert(error.message.includes("'brain'"));
    }
  });
});

Deno.test("a model whose file isn't the one that was estimated isn't loaded", async () => {
  await withModel("tiny", async (path, engine) => {
    const { size } = await Deno.stat(path);
    const files = [{ path, fileBytes: size }];
    const model = await engine.load(path, { mmap: true, files });
    await model.dispose();
    await Deno.writeFile(path, new Uint8Array(32), { append: true });
    const changed = await failure(engine.load(path, { mmap: true, files }));
    assertEquals([changed.code, changed.kind], ["model-changed", "usage"]);
    assert(changed.message.includes(`had ${size} bytes and has ${size + 32} now`));
    await Deno.remove(path);
    const gone = await failure(engine.load(path, { mmap: true, files }));
    assertEquals([gone.code, gone.message], ["model-not-found", `Model file is gone: ${path}`]);
  });
});

Deno.test("an error of brainjar's own passes unchanged", () => {
  const own = new BrainjarError("think-failed", "Nothing");
  assertEquals(engineFailure("think-failed", { path: "a.gguf" }, own, []), own);
});
