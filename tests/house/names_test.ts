import { assert, assertEquals } from "@std/assert";
import { LLAMA_CPP_VERSION } from "../../src/llama_cpp/version.ts";
import { programSources, root, type Source, sourcesIn } from "./sources.ts";
import { codeOf } from "./tokens.ts";

// What is known of one thing stands in one place: an architecture in its file of llama_cpp/models,
// the followed version of llama.cpp in version.ts.

const MODELS = "src/llama_cpp/models/";

/** Words that happen to be an architecture's name, by file, and what they are there. */
const OTHER_MEANINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "src/engine/llama.ts": { llama: "a part of the package's name" },
  "src/llama_cpp/loading/tokenizer.ts": Object.fromEntries(
    ["llama", "bert", "gpt2", "gemma4", "t5", "plamo2"].map((
      name,
    ) => [name, "a kind of tokenizer"]),
  ),
  "src/footprint/vocabulary.ts": { t5: "a kind of tokenizer (tokenizer.ggml.model)" },
};

/** The names of all architectures that llama.cpp has: the keys of the models' tables. */
async function architectureNames(): Promise<ReadonlySet<string>> {
  const files = await sourcesIn([MODELS.slice(0, -1)], /\.ts$/);
  const modules: { readonly ARCHITECTURES?: unknown }[] = await Promise.all(
    files.map(({ path }) => import(new URL(path, root).href)),
  );
  const tables = modules.map(({ ARCHITECTURES }) => ARCHITECTURES);
  return new Set(tables.flatMap((table) => table instanceof Map ? [...table.keys()] : []));
}

/** Where a source names an architecture, in a text of its own or within a regular expression. */
function namedArchitectures(
  { path, text }: Source,
  names: ReadonlySet<string>,
): string[] {
  return codeOf(text).flatMap(({ kind, text, line }) => {
    const words = kind === "regex"
      ? text.match(/[a-z][a-z0-9_-]+/g) ?? []
      : kind === "string" || kind === "template"
      ? [text]
      : [];
    return words
      .filter((word) => names.has(word) && OTHER_MEANINGS[path]?.[word] === undefined)
      .map((word) => `${path}:${line} names architecture "${word}"`);
  });
}

Deno.test("house: architectures are named in llama_cpp/models alone", async () => {
  const names = await architectureNames();
  assert(names.size > 100, `Only ${names.size} architectures: is the table read right?`);
  const sources = await programSources();
  const named = sources.filter(({ path }) => !path.startsWith(MODELS))
    .flatMap((source) => namedArchitectures(source, names));
  assertEquals(named, []);
});

Deno.test("house: what is no architecture's name is still there", async () => {
  const names = await architectureNames();
  for (const [path, words] of Object.entries(OTHER_MEANINGS)) {
    const text = await Deno.readTextFile(new URL(path, root));
    const found = new Set(codeOf(text).map((token) => token.text));
    for (const word of Object.keys(words)) {
      assert(names.has(word) && found.has(word), `${path} doesn't say "${word}" any more`);
    }
  }
});

Deno.test("house: the check of architectures sees one", () => {
  const names = new Set(["llama", "qwen3vl", "granite"]);
  const find = (text: string) => namedArchitectures({ path: "f.ts", text }, names).length;
  assertEquals(find('if (architecture === "llama") return;'), 1);
  assertEquals(find('["granite", "other"].includes(name);\nswitch (a) { case `qwen3vl`: }'), 2);
  assertEquals(find("if (/^qwen3vl/.test(name)) return;"), 1);
  assertEquals(find('// "llama"\nconst source = "models/llama.cpp"; const llama = 1 / 2 / 3;'), 0);
});

/** Lines that name a version. */
function namedVersions({ path, text }: Source, version: string): string[] {
  return text.split("\n").flatMap((line, index) =>
    line.includes(version) ? [`${path}:${index + 1} names ${version}`] : []
  );
}

Deno.test("house: the followed llama.cpp is named in version.ts alone", async () => {
  const sources = await sourcesIn(
    ["main.ts", "src", "tests", "fixtures", ".ci", ".github"],
    /\.(ts|sh|yml|json)$|\.ci\/run$/,
  );
  const named = sources.filter(({ path }) => path !== "src/llama_cpp/version.ts")
    .flatMap((source) => namedVersions(source, LLAMA_CPP_VERSION));
  assertEquals(named, []);
});

Deno.test("house: the check of the version sees one", () => {
  const text = `// follows\nconst a = "llama.cpp ${LLAMA_CPP_VERSION}";`;
  assertEquals(namedVersions({ path: "f.ts", text }, LLAMA_CPP_VERSION).length, 1);
});

Deno.test("house: pages that name a llama.cpp name the followed one", async () => {
  const pages = await sourcesIn(["README.md", "src", "fixtures"], /\.md$/);
  const versions = pages.flatMap(({ text }) => text.match(/(?<=llama\.cpp )v\d[\d.]*\d/g) ?? []);
  assert(versions.length > 0, "README.md names none");
  assertEquals(versions.filter((version) => version !== LLAMA_CPP_VERSION), []);
});
