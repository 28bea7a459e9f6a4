import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { checkGenerates } from "../../../src/llama_cpp/models/check_generates.ts";
import { findArchitecture, FREQUENT } from "../../../src/llama_cpp/models/families.ts";
import { ARCHITECTURES, header } from "../sample_header.ts";
import { LLAMA_CPP_VERSION } from "../../../src/llama_cpp/version.ts";

Deno.test("every architecture names its source", () => {
  assert(ARCHITECTURES.size > 100, `${ARCHITECTURES.size} architectures`);
  for (const [name, { source }] of ARCHITECTURES) {
    assert(/^models\/[a-z0-9-]+\.cpp$/.test(source), `${name} has the source ${source}`);
  }
});

Deno.test("architectures that hold state say which, and only those", () => {
  for (const [name, { memory, state, recurrentLayers }] of ARCHITECTURES) {
    const stateful = memory === "recurrent" || memory === "hybrid";
    assertEquals([state !== undefined, recurrentLayers !== undefined], [stateful, stateful], name);
  }
});

Deno.test("what can't make text is refused by name", async () => {
  const cases: [string, string][] = [
    ["bert", `Models of architecture "bert" don't make text`],
    ["clip", `Models of architecture "clip" don't make text`],
    ["dream", `Models of architecture "dream" don't make text`],
    ["t5", `Models of architecture "t5" need their encoder`],
    ["chameleon", `Models of architecture "chameleon" need the logits of all of a prompt`],
    ["llama9", `Architecture "llama9" isn't one of llama.cpp ${LLAMA_CPP_VERSION}'s`],
    ["gptj", `Architecture "gptj" isn't one of llama.cpp ${LLAMA_CPP_VERSION}'s`],
  ];
  for (const [architecture, words] of cases) {
    const error = await assertRejects(
      () => checkGenerates(header(architecture)),
      BrainjarError,
      words,
    );
    assertEquals(error.code, "unsupported-architecture");
  }
  await checkGenerates(header("llama"));
  await checkGenerates(header("mamba"));
  assertEquals(await findArchitecture("toString"), undefined);
});

Deno.test("architectures that are looked for at once are where they are looked for", async () => {
  for (const [name, family] of Object.entries(FREQUENT)) {
    const { ARCHITECTURES: rows } = await import(`../../../src/llama_cpp/models/${family}.ts`);
    assert(rows.has(name), `${name} is not in ${family}.ts`);
  }
  assertEquals(await findArchitecture("toString"), undefined);
});
