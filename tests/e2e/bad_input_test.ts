import { assert, assertEquals, assertMatch } from "@std/assert";
import { graphFile } from "../../fixtures/truth/files.ts";
import { writeHeader } from "../../fixtures/truth/loads.ts";
import { brainjarArguments, DEMO_BRAIN, runBrainjar } from "./program.ts";

// Wrong things typed on purpose: each a clear sentence on stderr, exit 2, no stack trace, nothing
// loaded and nothing on stdout.

interface Wrong {
  readonly name: string;
  readonly args: readonly string[];
  readonly says: RegExp;
}

const folder = await Deno.makeTempDir({ prefix: "brainjar-bad-input-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function write(name: string, bytes: Uint8Array): string {
  const path = `${folder}/${name}`;
  Deno.writeFileSync(path, bytes);
  return path;
}

const demoBrain = await Deno.readFile(new URL("../../fixtures/demo-brain.gguf", import.meta.url));
const text = (words: string) => new TextEncoder().encode(words);

/** The demo brain with some bytes put in place of its own. */
function patched(offset: number, bytes: readonly number[]): Uint8Array {
  const copy = demoBrain.slice();
  copy.set(bytes, offset);
  return copy;
}

/** The demo brain as another architecture of the same length, in every key. */
function withArchitecture(name: string): Uint8Array {
  const latin = new TextDecoder("latin1").decode(demoBrain);
  const at = latin.indexOf("llama", latin.indexOf("general.architecture"));
  return patched(at, [...text(name)]);
}

const nonsense = `${folder}/nonsense.gguf`;
{
  // A magic and a version, then a gigabyte of 0xFF that takes no room on the disk but its start.
  const file = await Deno.open(nonsense, { write: true, create: true });
  await file.write(new Uint8Array([...text("GGUF"), 3, 0, 0, 0]));
  await file.write(new Uint8Array(1 << 20).fill(0xff));
  await file.truncate(1024 ** 3);
  file.close();
}

const models: readonly { readonly name: string; readonly path: string; readonly says: RegExp }[] = [
  { name: "no such file", path: `${folder}/none.gguf`, says: /^error: Model file not found: / },
  { name: "a directory", path: folder, says: /director/ },
  { name: "an empty file", path: write("empty.gguf", new Uint8Array()), says: /empty/ },
  {
    name: "not GGUF",
    path: write("text.gguf", text("hello, I am a text\n".repeat(9))),
    says: /GGUF/,
  },
  { name: "GGUF v1", path: write("v1.gguf", patched(4, [1, 0, 0, 0])), says: /version 1/ },
  {
    name: "an unheard-of version",
    path: write("v9.gguf", patched(4, [9, 0, 0, 0])),
    says: /version 9/,
  },
  { name: "cut in the magic", path: write("cut3.gguf", demoBrain.slice(0, 3)), says: /./ },
  { name: "cut in the counts", path: write("cut12.gguf", demoBrain.slice(0, 12)), says: /./ },
  { name: "cut in the metadata", path: write("cut200.gguf", demoBrain.slice(0, 200)), says: /./ },
  {
    name: "cut in the tensors' data",
    path: write("cut-data.gguf", demoBrain.slice(0, demoBrain.length - 100)),
    says: /missing|end/,
  },
  {
    name: "a tensor count that lies",
    path: write("tensors.gguf", patched(8, [255, 255, 255, 255, 255, 0, 0, 0])),
    says: /tensor/,
  },
  {
    name: "a key count that lies",
    path: write("keys.gguf", patched(16, [255, 255, 255, 255, 255, 0, 0, 0])),
    says: /./,
  },
  {
    name: "an architecture that llama.cpp doesn't have",
    path: write("architecture.gguf", withArchitecture("lomma")),
    says: /"lomma"/,
  },
  { name: "a gigabyte of nonsense", path: nonsense, says: /./ },
];

const flags: readonly Wrong[] = [
  ...["0", "-1", "abc", "NaN", "1e999", ""].map((value) => ({
    name: `--ram-limit-god ${value || "(empty)"}`,
    args: ["check", "--mode", "matrix", "--ram-limit-god", value],
    says: /--ram-limit-god/,
  })),
  { name: "--mode matrx", args: ["run", "--mode", "matrx"], says: /matrx[\s\S]*"matrix"/ },
  {
    name: "a role's flag outside its mode",
    args: ["check", "--mode", "single", "--ram-limit-god", "4"],
    says: /Mode "single" has no jar "god"/,
  },
  { name: "--turns -1", args: ["run", "--turns", "-1"], says: /--turns.*-1/ },
  { name: "--turns 1.5", args: ["run", "--turns", "1.5"], says: /--turns.*1\.5/ },
  {
    name: "a log file that can't be written",
    args: ["run", "--turns", "1", "--log", `${folder}/none/talk.jsonl`],
    says: /^(Using.*\n)?error: .*talk\.jsonl/,
  },
  {
    name: "a log that is a directory",
    args: ["run", "--turns", "1", "--log", folder],
    says: /error: /,
  },
  {
    name: "a log in place of the model",
    args: ["run", "--turns", "1", "--model", `${folder}/v1.gguf`, "--log", `${folder}/v1.gguf`],
    says: /Log file is a model/,
  },
  { name: "an unknown flag", args: ["run", "--modle", "x"], says: /--modle[\s\S]*Did you mean/ },
  { name: "an unknown command", args: ["chek"], says: /chek[\s\S]*"check"/ },
  { name: "an operand", args: ["check", "m.gguf"], says: /m\.gguf/ },
  {
    name: "a quantized cache without flash attention",
    args: ["check", ...DEMO_BRAIN, "--kv-cache-type", "q8_0", "--flash-attention", "off"],
    says: /flash attention/,
  },
  { name: "a URL to run", args: ["run", "--model", "http://127.0.0.1:1/m.gguf"], says: /URL/ },
];

for (
  const wrong of [
    ...models.map(({ name, path, says }): Wrong => ({
      name: `a model that is ${name}`,
      args: ["check", "--mode", "matrix", "--model", path],
      says,
    })),
    ...flags,
  ]
) {
  Deno.test(`bad input: ${wrong.name}`, async () => {
    const { code, stdout, stderr, milliseconds } = await runBrainjar(wrong.args);
    assertEquals({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assertMatch(stderr, wrong.says);
    assertMatch(stderr, /^error: [A-Z-].*[^.]\n/m);
    assert(!/\n\s+at |Uncaught/.test(stderr), `A stack trace: ${stderr}`);
    assert(milliseconds < 20_000, `It took ${milliseconds} ms: was something loaded?`);
  });
}

Deno.test("bad input: run refuses a model as check does, before the engine is opened", async () => {
  const { code, stderr } = await runBrainjar(["run", "--model", `${folder}/v1.gguf`]);
  assertEquals(code, 2);
  assertMatch(stderr, /version 1/);
});

Deno.test("bad input: estimate answers the other models and exits 2", async () => {
  const demo = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
  const { code, stdout } = await runBrainjar([
    "estimate",
    `${folder}/none.gguf`,
    demo,
    `${folder}/v1.gguf`,
    "--json",
  ]);
  const { schema, estimates } = JSON.parse(stdout);
  assertEquals(code, 2);
  assertEquals(schema, "brainjar.estimate/1");
  assertEquals(estimates.length, 3);
  assertEquals(estimates[0].error.code, "model-not-found");
  assertEquals(estimates[1].model.architecture, "llama");
  assert(estimates[1].bytes.floor > 0);
  assert(typeof estimates[2].error.message === "string");
});

Deno.test("bad input: an engine that ends its process on a model costs that model's answer", async () => {
  const demo = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
  const twice = `${folder}/a-token-twice.gguf`;
  const bytes = await Deno.readFile(demo);
  // Two tokens of one length: llama.cpp asserts that all differ, and no header's lengths tell it.
  const at = new TextDecoder("latin1").decode(bytes).indexOf("\xc4\xa0If");
  bytes.set(new TextEncoder().encode("ĠBe"), at);
  await Deno.writeFile(twice, bytes);
  const engine = ["estimate", "--estimator", "engine"];
  const { code, stdout } = await runBrainjar([...engine, demo, twice, demo, "--json"]);
  assertEquals(code, 3);
  const { estimates } = JSON.parse(stdout);
  assertEquals(estimates.length, 3);
  assertEquals(estimates[1].error.code, "engine-aborted");
  assertEquals(estimates[2].bytes, estimates[0].bytes);
  const table = await runBrainjar([...engine, twice]);
  assertEquals([table.code, table.stdout], [3, ""]);
  assertMatch(
    table.stderr,
    /^error: The engine ended its process .*\nhint: .*SIGABRT.*GGML_ASSERT/,
  );
});

Deno.test("bad input: a model without a tokenizer loads, and is not run", async () => {
  const silent = `${folder}/without-a-tokenizer.gguf`;
  const [llama] = (await graphFile.read()).filter(({ name }) => name === "llama-dense");
  if (llama === undefined) throw new Error("Truth has no llama-dense");
  writeHeader(silent, llama);
  const check = await runBrainjar(["check", "--model", silent, "--json"]);
  assertEquals(check.code, 0);
  assertMatch(
    check.stderr,
    /^warning: .*without-a-tokenizer\.gguf has no tokenizer: run makes no/m,
  );
  for (const words of [["run", "--model", silent], ["measure", silent]]) {
    const { code, stdout, stderr } = await runBrainjar(words);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(
      stderr,
      /^error: Model has no tokenizer: .*\nhint: .*use a file with its tokenizer$/m,
    );
  }
});

Deno.test("bad input: the engine is never asked about a header that it would refuse", async () => {
  const demo = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
  const broken = `${folder}/without-a-tensor.gguf`;
  const bytes = await Deno.readFile(demo);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("blk.0.ffn_up.weight");
  bytes.set(new TextEncoder().encode("blk.0.ffn_UP.weight"), at);
  await Deno.writeFile(broken, bytes);
  for (const command of ["check", "run", "measure", "estimate --estimator engine"]) {
    const [name = "", ...flags] = command.split(" ");
    const model = name === "check" || name === "run" ? ["--model", broken] : [broken];
    const { code, stdout, stderr } = await runBrainjar([name, ...flags, ...model]);
    assertEquals([code, stdout], [2, ""], command);
    const sentence =
      /^error: llama\.cpp \S+ can't load this model: tensor "blk\.0\.ffn_up\.weight" is/;
    assertMatch(stderr.replace(/^\w+ip: .*\n/, ""), sentence, command);
  }
  // What can't be loaded can be estimated; the estimate says it.
  const estimate = await runBrainjar(["estimate", broken]);
  assertEquals(estimate.code, 0);
  assertMatch(estimate.stderr, /can't load this model: tensor "blk\.0\.ffn_up\.weight" is missing/);
});

Deno.test("bad input: a name can't move the cursor or start a line of its own", async () => {
  for (const command of ["check", "estimate"]) {
    const model = "\u001b[2Jnone\nerror: fits.gguf";
    const words = command === "check" ? ["--model", model] : [model];
    const { code, stdout, stderr } = await runBrainjar([command, ...words]);
    assertEquals([code, stdout], [2, ""]);
    const shown = "\\u{1b}[2Jnone\\u{a}error: fits.gguf";
    assert(stderr.startsWith(`error: Model file not found: ${shown}\nhint: `), stderr);
  }
});

Deno.test("bad output: a full disk under stdout is no verdict", async () => {
  const full = await new Deno.Command("sh", {
    args: [
      "-c",
      `"$0" "$@" > /dev/full`,
      Deno.execPath(),
      ...brainjarArguments(["check", ...DEMO_BRAIN, "--json"]),
    ],
    stderr: "piped",
  }).output();
  const stderr = new TextDecoder().decode(full.stderr);
  assertEquals(full.code, 3, stderr);
  assertMatch(stderr, /The answer can't be written/);
  assert(!/\n\s+at |Uncaught|bug/.test(stderr), stderr);
});

Deno.test({
  name: "bad input: a summary page that is a pipe is said, and not waited for",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const pipe = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const { code, stderr } = await runBrainjar(["check", ...DEMO_BRAIN, "--format", "github"], {
      env: { GITHUB_STEP_SUMMARY: pipe },
    });
    assertEquals(code, 0);
    assertMatch(stderr, /GITHUB_STEP_SUMMARY can't be written: it is a pipe/);
  },
});

Deno.test("bad input: without a folder for temporary files the engine isn't started", async () => {
  const args = ["run", "--turns", "1", "--json"];
  const { code, stdout, stderr } = await runBrainjar(args, { env: { TMPDIR: `${folder}/none` } });
  assertEquals(code, 3, stderr);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const warning = events.find(({ event }) => event === "warning");
  assertEquals(warning.code, "temporary-folder-unusable");
  assertEquals([events.at(-1).event, events.at(-1).reservedBytes], ["end", 0]);
  assert(!/^\s+at /m.test(stderr), stderr);
});
