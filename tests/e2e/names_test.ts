import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildHeader } from "../gguf/build_header.ts";
import { OTHER_FILES } from "../gguf/other_files.ts";
import { OTHER_HEADERS } from "../gguf/other_headers.ts";
import { brainjar } from "../../src/cli/brainjar.ts";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { ROOT, runBrainjar } from "./program.ts";

// What people name as a model, and what they have beside models.

const folder = await Deno.makeTempDir({ prefix: "brainjar-names-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const DEMO = `${ROOT}fixtures/demo-brain.gguf`;

const COMMANDS: readonly (readonly [name: string, (model: string) => string[]])[] = [
  ["check", (model) => ["check", "--model", model]],
  ["run", (model) => ["run", "--turns", "1", "--max-tokens", "1", "--model", model]],
  ["recommend", (model) => ["recommend", "--model", model]],
  ["estimate", (model) => ["estimate", model]],
  // It reads /proc.
  ...(Deno.build.os === "linux"
    ? [["measure", (model: string) => ["measure", model]] as const]
    : []),
];

/** Every command's answer about one model. */
function askAll(model: string, env: Readonly<Record<string, string>> = {}) {
  return Promise.all(COMMANDS.map(async ([name, args]) => {
    const { code, stdout, stderr } = await runBrainjar(args(model), { env, cwd: folder });
    return { name, code, stdout, stderr };
  }));
}

for (const [name, header, what] of OTHER_HEADERS) {
  Deno.test(`no command takes it for a model: ${name}`, async () => {
    const path = `${folder}/${name}.gguf`;
    await Deno.writeFile(path, buildHeader(header).bytes);
    const answers = await askAll(path);
    const [first] = answers;
    for (const { name, code, stdout, stderr } of answers) {
      assertEquals([name, code, stdout], [name, 2, ""], stderr);
      assert(stderr.startsWith(`error: Not a model: ${path} is ${what}\nhint: `), stderr);
      assertEquals(stderr, first?.stderr);
      assert(!/download|fetch/i.test(stderr), stderr);
    }
  });
}

Deno.test("no command takes a file of another kind for a model", async () => {
  for (const [name, start, what] of OTHER_FILES) {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, Uint8Array.from(start, (byte) => byte.charCodeAt(0)));
    for (const args of [["check", "--quiet", "--model", path], ["estimate", path]]) {
      const said: string[] = [];
      const answered: string[] = [];
      const code = await brainjar(args, {
        answer: (text) => answered.push(text) > 0,
        say: (text) => said.push(text),
        interactive: false,
        answersTerminal: false,
        canDraw: false,
        answerParagraphs: () => Promise.resolve(true),
        answerLater: () => Promise.resolve(true),
        paint: (_, text) => text,
      });
      assertEquals([code, answered.join("")], [2, ""]);
      assertStringIncludes(said.join(""), `error: Not a GGUF file: ${path} is ${what}\n`);
    }
  }
});

/** A small model of two parts: its paths, the first one first. */
async function splitModel(below: string): Promise<readonly string[]> {
  const shape = PRESETS["tiny"];
  if (shape === undefined) throw new Error("No preset tiny");
  await Deno.mkdir(`${folder}/${below}`, { recursive: true });
  return (await generateModel(shape, `${folder}/${below}/m.gguf`, { split: 2 })).paths;
}

Deno.test("every command takes any part of a split model, and the first stands for it", async () => {
  const [first = "", second = ""] = await splitModel("split");
  for (const { name, code, stdout, stderr } of await askAll(second)) {
    assertEquals([name, code], [name, 0], stderr);
    if (name === "check" || name === "measure") assertStringIncludes(stdout, first);
  }
  for (const flags of [["--estimator", "exact"], ["--estimator", "filesize"], ["--no-mmap"]]) {
    const { code, stderr } = await runBrainjar(["check", "--model", second, ...flags]);
    assertEquals(code, 0, stderr);
  }
  const compared = await runBrainjar(["estimate", "--compare", second]);
  assertEquals(compared.code, 0, compared.stderr);
  const shared = await runBrainjar([
    ...["check", "--mode", "peer", "--model-peer_a", first, "--model-peer_b", second, "--json"],
  ]);
  assert(JSON.parse(shared.stdout).sharedWeightBytes > 0, shared.stdout);
});

/** Puts files into a cache that keeps them by their checksums, with links of the names they had. */
async function intoCache(paths: readonly string[], cache: string): Promise<string> {
  const snapshot = `${cache}/snapshots/0123456789abcdef0123456789abcdef01234567`;
  await Deno.mkdir(`${cache}/blobs`, { recursive: true });
  await Deno.mkdir(snapshot, { recursive: true });
  await Deno.mkdir(`${cache}/refs`, { recursive: true });
  await Deno.writeTextFile(`${cache}/refs/main`, "0123456789abcdef0123456789abcdef01234567");
  for (const path of paths) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)))
      .toHex();
    await Deno.rename(path, `${cache}/blobs/${hash}`);
    await Deno.symlink(`../../blobs/${hash}`, `${snapshot}/${path.replace(/.*\//, "")}`);
  }
  return snapshot;
}

Deno.test("a split model behind a cache's links: every command takes it, by the published name", async () => {
  const snapshot = await intoCache(await splitModel("parts"), `${folder}/hub/models--org--repo`);
  const [first, second] = [1, 2].map((part) => `${snapshot}/m-0000${part}-of-00002.gguf`);
  if (first === undefined || second === undefined) throw new Error("Two parts");
  const env = { HF_HUB_CACHE: `${folder}/hub` };
  for (const model of [first, "hf:org/repo"]) {
    for (const { name, code, stdout, stderr } of await askAll(model, env)) {
      assertEquals([model, name, code], [model, name, 0], stderr);
      assert(!stdout.includes("/blobs/"), stdout);
    }
  }
  for (const model of [second, "hf:org/repo/m-00002-of-00002.gguf"]) {
    const { code, stdout, stderr } = await runBrainjar(["check", "--model", model], { env });
    assertEquals([model, code], [model, 0], stderr);
    assertStringIncludes(stdout, `${model === second ? first : model} (2 parts)`);
  }
  // Another name of the same file shares its weights.
  await Deno.symlink(first, `${folder}/alias.gguf`);
  const flags = ["--mode", "peer", "--model-peer_a", "hf:org/repo", "--model-peer_b"];
  const args = ["check", "--json", ...flags, `${folder}/alias.gguf`];
  const { code, stdout, stderr } = await runBrainjar(args, { env });
  assertEquals(code, 0, stderr);
  assert(JSON.parse(stdout).sharedWeightBytes > 0, stdout);
});

Deno.test("a model in Ollama's folders is known by Ollama's name", async () => {
  const models = `${folder}/ollama`;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(DEMO)))
    .toHex();
  await Deno.mkdir(`${models}/blobs`, { recursive: true });
  await Deno.copyFile(DEMO, `${models}/blobs/sha256-${hash}`);
  const library = `${models}/manifests/registry.ollama.ai/library/tiny`;
  await Deno.mkdir(library, { recursive: true });
  await Deno.writeTextFile(
    `${library}/1b`,
    JSON.stringify({
      schemaVersion: 2,
      layers: [
        { mediaType: "application/vnd.ollama.image.template", digest: `sha256:${"0".repeat(64)}` },
        { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${hash}` },
      ],
    }),
  );
  const env = { OLLAMA_MODELS: models };
  for (const { name, code, stdout, stderr } of await askAll("ollama:tiny:1b", env)) {
    assertEquals([name, code], [name, 0], stderr);
    if (name === "check") assertStringIncludes(stdout, `ollama:tiny:1b\n`);
    if (name === "measure") assertStringIncludes(stdout, "MEASURED: ollama:tiny:1b\n");
  }
  const { stdout } = await runBrainjar(["estimate", "--json", "ollama:tiny:1b"], { env });
  const [{ model }] = JSON.parse(stdout).estimates;
  assertEquals([model.path, model.file], ["ollama:tiny:1b", `${models}/blobs/sha256-${hash}`]);
});

Deno.test("the home folder is expanded for flags, jar files and the environment", async () => {
  const home = `${folder}/home`;
  await Deno.mkdir(`${home}/jars`, { recursive: true });
  await Deno.copyFile(DEMO, `${home}/m.gguf`);
  const jar = { name: "a", role: "subject", model: "~/m.gguf" };
  await Deno.writeTextFile(`${home}/jars/a.jsonc`, JSON.stringify({ jars: [jar] }));
  await Deno.writeTextFile(`${home}/jars/b.jsonc`, JSON.stringify({ extends: "~/jars/a.jsonc" }));
  const env = { HOME: home };
  const calls: readonly (readonly [string[], Record<string, string>])[] = [
    [["check", "--model=~/m.gguf"], env],
    [["estimate", "~/m.gguf"], env],
    [["check"], { ...env, BRAINJAR_MODEL: "~/m.gguf" }],
    [["check", "--jars=~/jars/b.jsonc"], env],
  ];
  for (const [args, env] of calls) {
    const { code, stderr } = await runBrainjar(args, { env });
    assertEquals([args, code], [args, 0], stderr);
  }
});

Deno.test("a name that isn't a path is answered with the one that was meant", async () => {
  const names: readonly (readonly [string, string])[] = [
    ["llama3.2:1b", "ollama:llama3.2:1b"],
    ["org/repo-GGUF:Q4_K_M", "hf:org/repo-GGUF:Q4_K_M"],
    ["hf.co/org/repo-GGUF:Q4_K_M", "hf:org/repo-GGUF:Q4_K_M"],
    [
      "huggingface.co/org/repo/blob/main/m.gguf",
      "https://huggingface.co/org/repo/resolve/main/m.gguf",
    ],
  ];
  for (const [name, meant] of names) {
    const { code, stderr } = await runBrainjar(["check", "--model", name], { cwd: folder });
    assertEquals([code, stderr], [
      2,
      `error: Model file not found: ${name}\nhint: Did you mean "${meant}"?\n`,
    ]);
    const jars = JSON.stringify({ jars: [{ name: "a", model: name }] });
    await Deno.writeTextFile(`${folder}/named.jsonc`, jars);
    const named = await runBrainjar(["check", "--jars", "named.jsonc"], { cwd: folder });
    assertEquals(named.code, 2);
    assertStringIncludes(named.stderr, `hint: Did you mean "${meant}"?\n`);
  }
});
