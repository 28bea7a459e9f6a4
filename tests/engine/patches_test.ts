import { assert, assertEquals } from "@std/assert";
import { type Patch, PATCHES, unmetNeeds } from "../../src/engine/patch_table.ts";
import { beforeEachOpening, replaceDryLoadOfLoads } from "../../src/engine/patches.ts";
import { LLAMA_CPP_VERSION } from "../../src/llama_cpp/version.ts";

/** Computed, so that whoever checks the types of the tests alone needs no engine. */
const PACKAGE = ["node", "llama", "cpp"].join("-");

/** Importing it is what makes Deno fetch it. */
const { getLlama }: typeof import("node-llama-cpp") = await import(PACKAGE);
const root = new URL("../", import.meta.resolve(PACKAGE));

async function installed(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(new URL(file, root));
  } catch {
    return undefined;
  }
}

for (const patch of PATCHES) {
  Deno.test(`the installed node-llama-cpp has what the patch ${patch.name} needs`, async () => {
    assertEquals(await unmetNeeds(patch, installed), []);
  });
}

/** The installed package, but for one piece of code, or one file. */
function altered(file: string, code?: string): (file: string) => Promise<string | undefined> {
  return async (asked) => {
    const text = await installed(asked);
    if (asked !== file) return text;
    return code === undefined ? undefined : text?.replaceAll(code, "");
  };
}

Deno.test("a package that lacks any of what a patch needs is told by the patch's name", async () => {
  const told = async (patch: Patch, read: ReturnType<typeof altered>) => {
    const sentences = await unmetNeeds(patch, read);
    return sentences.length > 0 && sentences.every((text) => text.startsWith(`${patch.name}: `));
  };
  for (const patch of PATCHES) {
    assert(Object.keys(patch.needs).length > 0, patch.name);
    for (const [file, pieces] of Object.entries(patch.needs)) {
      assert(await told(patch, altered(file)), `${patch.name} without ${file}`);
      for (const code of pieces) {
        assert(await told(patch, altered(file, code)), `${patch.name} without ${code}`);
      }
    }
  }
});

Deno.test("a package that lacks a method is told by the patches that use it", async () => {
  const method = "estimateContextResourceRequirementsV2";
  const context = "dist/evaluator/LlamaContext/LlamaContext.js";
  const sentences = await Promise.all(
    PATCHES.map((patch) => unmetNeeds(patch, altered(context, method))),
  );
  assertEquals(sentences.flat(), [
    `context-without-dry-load: ${context} lacks await _model.fileInsights.${method}({`,
  ]);
});

Deno.test("patches have names of their own", () => {
  assertEquals(new Set(PATCHES.map(({ name }) => name)).size, PATCHES.length);
});

Deno.test("the installed node-llama-cpp carries the llama.cpp that is followed", async () => {
  const source = JSON.parse(await installed("llama/binariesGithubRelease.json") ?? "{}");
  assertEquals(source.release, LLAMA_CPP_VERSION, "its source: see src/llama_cpp/README.md");
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true });
  try {
    assertEquals(llama.llamaCppRelease.release, LLAMA_CPP_VERSION, "its binary");
  } finally {
    await llama.dispose();
  }
});

Deno.test("a load does something else than a dry load, a dry load stays one", async () => {
  const insights = {
    estimateModelResourceRequirementsV2: (_options: object) =>
      Promise.resolve({ cpuRam: 7, gpuVram: 0 }),
  };
  let instead = 0;
  replaceDryLoadOfLoads(insights, () => Promise.resolve(instead++));
  const bytes = async (options: object) =>
    (await insights.estimateModelResourceRequirementsV2(options)).cpuRam;
  assertEquals([await bytes({ gpuLayers: 0 }), instead], [7, 0]);
  assertEquals([await bytes({ gpuLayers: 0, _simulatorSession: {} }), instead], [0, 1]);
});

Deno.test("openings are told as long as any work goes on", async () => {
  const { default: files } = await import("node:fs/promises");
  const { open } = files;
  const openAndClose = async () => await (await files.open(Deno.execPath(), "r")).close();
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const works = [
    beforeEachOpening(() => void told.push("first"), () => first.promise),
    beforeEachOpening(() => void told.push("second"), () => second.promise),
  ];
  await openAndClose();
  first.resolve();
  await works[0];
  await openAndClose();
  second.resolve();
  await works[1];
  assert(files.open === open);
  assertEquals(told, ["first", "second", "second"]);
});
