import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { brainjar } from "../../src/cli/brainjar.ts";
import { readSettings } from "../../src/cli/settings/settings.ts";
import { BUILT_IN_PROMPTS, PROMPT_NAMES } from "../../src/experiment/prompts/built_in.ts";
import { PLACEHOLDER_NAMES } from "../../src/experiment/prompts/placeholders.ts";
import { MAX_PROMPT_BYTES } from "../../src/experiment/prompts/prompt_file.ts";
import { temporaryFolder, valuesOf, writeFiles } from "./jar_files.ts";
import { record } from "./record.ts";

const folder = temporaryFolder();
const CAT = "Be a cat.\n---\n{turn}: {vitals}\n";

writeFiles(folder, {
  "cat.txt": CAT,
  "lib/dog.md": "Be a dog.",
  "bad.txt": "Be.\n---\n{tunr}",
  "empty.txt": "\n",
  "long.txt": "ä".repeat(MAX_PROMPT_BYTES),
  "lib/base.jsonc": `{ "defaults": { "prompt": "dog.md", "sampling": { "temperature": 0.5 } },
    "jars": [{ "name": "ada" }, { "name": "bob", "prompt": "Be Bob.\\nStay.md\\n" }] }`,
  "jars.jsonc": `{ "extends": "lib/base.jsonc", "jars": [
    { "name": "bob", "sampling": { "topP": 0.9, "maxTokens": 7 } },
    { "name": "zeus", "role": "god", "prompt": "cat.txt" } ] }`,
  "bad.jsonc": `{ "jars": [{ "name": "ada",\n  "prompt": "Be.\\n---\\n{tunr}" }] }`,
  "bad_file.jsonc": `{ "jars": [{ "name": "ada",\n  "prompt": "./bad.txt" }] }`,
  "missing.jsonc": `{ "defaults": {\n  "prompt": "lib/cat.md" }, "jars": [{ "name": "ada" }] }`,
});
Deno.writeFileSync(`${folder}/latin.txt`, new Uint8Array([0xe4, 0x0a]));

async function jarsOf(...flags: string[]) {
  return (await readSettings(valuesOf("run", flags), { environmentModel: "m.gguf" })).jars;
}

Deno.test("prompts: printed as files that are the built-in ones, and all of them with their words", async () => {
  for (const name of PROMPT_NAMES) {
    const { output, answered, said } = record();
    assertEquals(await brainjar(["prompts", name], output), 0);
    assertEquals([answered(), said()], [BUILT_IN_PROMPTS[name], ""]);
  }
  const { output, answered } = record();
  assertEquals(await brainjar(["prompts"], output), 0);
  for (const name of PROMPT_NAMES) {
    assert(answered().includes(`== ${name} ==\n${BUILT_IN_PROMPTS[name]}`));
  }
  for (const name of PLACEHOLDER_NAMES) {
    assertMatch(answered(), new RegExp(`^\\{${name}\\} .`, "m"));
  }
  for (const words of [["prompts", "subjct"], ["prompts", "god", "peer"]]) {
    const { output, said } = record();
    assertEquals(await brainjar(words, output), 2);
    assertMatch(said(), /Did you mean "subject"|all of them/);
  }
});

Deno.test("prompts: a flag's file, a role's for all its jars, over what a jar file says", async () => {
  const told = async (...flags: string[]) =>
    Object.fromEntries((await jarsOf(...flags)).map(({ id, prompt }) => [id, prompt]));
  assertEquals(await told("--mode", "matrix", "--prompt-god", `${folder}/cat.txt`), {
    subject: undefined,
    observer: undefined,
    god: CAT,
  });
  const peers = ["--mode", "peer", "--prompt-subject", `${folder}/cat.txt`];
  assertEquals(await told(...peers, "--prompt-peer_b", `${folder}/lib/dog.md`), {
    peer_a: CAT,
    peer_b: "Be a dog.",
  });
  // Paths are from the folder of the file that says them; a text of several lines is none.
  assertEquals(await told("--jars", `${folder}/jars.jsonc`), {
    ada: "Be a dog.",
    bob: "Be Bob.\nStay.md\n",
    zeus: CAT,
  });
  assertEquals(
    (await told("--jars", `${folder}/jars.jsonc`, "--prompt-ada", `${folder}/cat.txt`)).ada,
    CAT,
  );
});

Deno.test("sampling: a jar file's, key by key, flags over it, a jar's own over all jars'", async () => {
  const sampling = async (...flags: string[]) =>
    (await jarsOf("--jars", `${folder}/jars.jsonc`, ...flags)).map(({ sampling }) => sampling);
  assertEquals(await sampling(), [
    { temperature: 0.5 },
    { temperature: 0.5, topP: 0.9, maxTokens: 7 },
    { temperature: 0.5 },
  ]);
  assertEquals(
    await sampling("--top-p", "0.5", "--max-tokens-zeus", "9", "--temperature-god", "0"),
    [
      { temperature: 0.5, topP: 0.5 },
      { temperature: 0.5, topP: 0.5, maxTokens: 7 },
      { temperature: 0, topP: 0.5, maxTokens: 9 },
    ],
  );
});

Deno.test("prompts, bad: each is told with its file, or its place in a jar file", async () => {
  const table: readonly (readonly [readonly string[], string, RegExp])[] = [
    [["--prompt-subject", `${folder}/no.txt`], "prompt-not-found", /: .*no\.txt$/],
    [["--prompt-subject", folder], "prompt-unreadable", /can't be read: /],
    [["--prompt-subject", `${folder}/latin.txt`], "prompt-unreadable", /latin\.txt$/],
    [["--prompt-subject", `${folder}/long.txt`], "prompt-too-long", /65536 bytes: .*long\.txt$/],
    [["--prompt-subject", `${folder}/empty.txt`], "prompt-empty", /empty\.txt$/],
    [["--prompt-subject", `${folder}/bad.txt`], "unknown-placeholder", /"\{tunr\}": .*bad\.txt$/],
    [["--prompt-sbject", `${folder}/cat.txt`], "unknown-jar", /"sbject"/],
    [["--jars", `${folder}/bad.jsonc`], "unknown-placeholder", / at .*bad\.jsonc:2:13$/],
    [
      ["--jars", `${folder}/bad_file.jsonc`],
      "unknown-placeholder",
      /bad\.txt \(named at .*:2:13\)$/,
    ],
    [
      ["--jars", `${folder}/missing.jsonc`],
      "prompt-not-found",
      /lib\/cat\.md \(named at .*:2:13\)$/,
    ],
  ];
  for (const [flags, code, says] of table) {
    const error = await assertRejects(() => jarsOf(...flags), BrainjarError);
    assertEquals([error.code, error.kind], [code, "usage"]);
    assertMatch(error.message, says);
    assert(error.hint);
  }
  const { hint } = await assertRejects(
    () => jarsOf("--prompt-subject", `${folder}/bad.txt`),
    BrainjarError,
  );
  assertMatch(hint ?? "", /^Did you mean "turn"\? There are \{turn\}, /);
});

Deno.test("prompts: check refuses what run would, and says whose flag the format is", async () => {
  const { output, said } = record();
  const model = ["--model", new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname];
  assertEquals(
    await brainjar(["check", ...model, "--prompt-subject", `${folder}/no.txt`], output),
    2,
  );
  assertMatch(said(), /Prompt file not found/);
  const other = record();
  assertEquals(await brainjar(["check", ...model, "--prompt-format", "raw"], other.output), 2);
  assertMatch(other.said(), /Unknown flag "--prompt-format" .*\n.*It is a flag of brainjar run/);
});
