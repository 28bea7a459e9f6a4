import { assert, assertEquals } from "@std/assert";
import { type Import, importsOf, programSources, root, type Source, targetOf } from "./sources.ts";
import { codeOf } from "./tokens.ts";

// Which folder may import which (src/README.md, "Imports go one way"). Imports go down these lists
// only; folders on one line may share types, never code.

const FLOORS: readonly (readonly string[])[] = [
  ["main"],
  ["cli", "mod"],
  ["replay"],
  ["screen", "page", "job_files"],
  ["view", "jar_process"],
  ["experiment", "report", "packaging"],
  ["plan"],
  ["ledger"],
  ["engine", "machine", "gguf"],
  ["footprint"],
  ["llama_cpp"],
  ["budget"],
  ["load_module"],
];

/** The same inside `llama_cpp`; what lies beside these folders is open to all of them. */
const LLAMA_CPP_FLOORS: readonly string[] = [
  "models",
  "graph",
  "memory",
  "loading",
  "hyperparameters",
  "ggml",
];

/** Folders that must stay pure: no Deno, no node:, no packages. */
const PURE = ["budget", "footprint", "llama_cpp"];

/** Packages that one file alone may name. */
const SINGLE_DOORS: Readonly<Record<string, string>> = {
  "node-llama-cpp": "src/engine/llama.ts",
  "systeminformation": "src/machine/systeminformation.ts",
};

/** Inside the one file: what starts the program as main.ts does, and what has it compiled before. */
const ENTRIES: Readonly<Record<string, string>> = {
  "src/packaging/portable/start.ts": "main.ts",
  "src/packaging/portable/settle.ts": "src/cli/brainjar.ts",
};

/** Where modules are imported by a specifier that is computed. */
const LOADER = "src/load_module.ts";

/** The helper itself, and the one that hides a package, which it can't load: it takes paths. */
const HIDES_IMPORTS: readonly (string | undefined)[] = [LOADER, SINGLE_DOORS["node-llama-cpp"]];

/** The room of a file: `budget`, `cli`, …; `mod` for src/mod.ts. */
function roomOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "src" ? (parts[1] ?? "").replace(/\.ts$/, "") : path.replace(/\.ts$/, "");
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

/** What is wrong with one import, or nothing. */
function complaint(line: Import): string | undefined {
  const from = roomOf(line.file);
  const said = `${line.file} imports ${line.specifier}`;
  if (/^(jsr|https?|npm):/.test(line.specifier)) return `${said}: use a bare name of deno.json`;
  const door = SINGLE_DOORS[line.specifier];
  if (door !== undefined && line.file !== door) return `${said}: only ${door} may`;
  const target = targetOf(line);
  if (target === undefined) return PURE.includes(from) ? `${said}: ${from} is pure` : undefined;
  if (ENTRIES[line.file] === target) return undefined;
  // Data beside the code (deno.json's version) is nobody's room.
  if (!target.endsWith(".ts")) return undefined;
  const to = roomOf(target);
  if (from === to) return from === "llama_cpp" ? insideComplaint(line, target) : undefined;
  if (floorOf(from) < 0 || floorOf(to) < 0) return `${said}: not a room of the house`;
  // The header's types and the reader of its metadata, which import nothing.
  if (PURE.includes(from) && from !== "budget" && target === "src/gguf/header.ts") return undefined;
  if (floorOf(from) < floorOf(to)) return undefined;
  if (floorOf(from) === floorOf(to) && line.typeOnly) return undefined;
  return `${said}: imports go ${FLOORS.map((rooms) => rooms.join("|")).join(" → ")}`;
}

/** The same inside `llama_cpp`. */
function insideComplaint({ file, specifier }: Import, target: string): string | undefined {
  const [from, to] = [file, target].map((path) =>
    LLAMA_CPP_FLOORS.indexOf(path.split("/")[2] ?? "")
  );
  if (from === undefined || to === undefined || from < 0 || to < 0 || from <= to) return undefined;
  return `${file} imports ${specifier}: imports go ${LLAMA_CPP_FLOORS.join(" → ")}`;
}

async function allImports(): Promise<Import[]> {
  return (await programSources()).flatMap(importsOf);
}

Deno.test("house: imports go one way, and packages enter by their one door", async () => {
  const lines = await allImports();
  assert(lines.length > 20, `Only ${lines.length} imports found: is the reading right?`);
  assertEquals(lines.map(complaint).filter((text) => text !== undefined), []);
});

Deno.test("house: the check of imports sees a wrong one", () => {
  const wrong: Import[] = [
    { file: "src/budget/size.ts", specifier: "../gguf/read.ts", typeOnly: false },
    { file: "src/budget/size.ts", specifier: "../gguf/header.ts", typeOnly: true },
    { file: "src/footprint/estimate.ts", specifier: "../gguf/read.ts", typeOnly: false },
    { file: "src/footprint/estimate.ts", specifier: "node:fs", typeOnly: false },
    { file: "src/gguf/read.ts", specifier: "../machine/machine_memory.ts", typeOnly: false },
    { file: "src/engine/open.ts", specifier: "node-llama-cpp", typeOnly: true },
    { file: "src/cli/check.ts", specifier: "npm:zod", typeOnly: false },
    { file: "src/engine/llama.ts", specifier: "../cli/flags.ts", typeOnly: false },
    { file: "src/llama_cpp/ggml/tensor.ts", specifier: "../graph/builder.ts", typeOnly: true },
    { file: "src/llama_cpp/graph/compute.ts", specifier: "../models/plain.ts", typeOnly: false },
  ];
  for (const line of wrong) assert(complaint(line) !== undefined, JSON.stringify(line));
  const right: Import[] = [
    { file: "src/llama_cpp/models/plain.ts", specifier: "../version.ts", typeOnly: false },
    { file: "src/llama_cpp/models/plain.ts", specifier: "../ggml/tensor.ts", typeOnly: false },
    { file: "src/machine/read.ts", specifier: "../gguf/header.ts", typeOnly: true },
  ];
  for (const line of right) assertEquals(complaint(line), undefined);
});

Deno.test("house: imports are read as they are written", () => {
  const text = `
/** import { x } from "npm:x"; */
import { a, type B } from "./a.ts";
import type C from "./c.ts";
import "./d.ts";
export * as e from "./e.ts";
export type { F } from "./f.ts";
export { g } from "./g.ts";
const h: typeof import("./h.ts") = await import("./i.ts" as string);
export const from = "./no.ts";
const text = \`import "./no.ts"; \${await import("./j.ts")}\`;
const url = import.meta.url;
`;
  assertEquals(
    importsOf({ path: "f.ts", text }).map(({ specifier, typeOnly }) => [specifier, typeOnly]),
    [
      ["./a.ts", false],
      ["./c.ts", true],
      ["./d.ts", false],
      ["./e.ts", false],
      ["./f.ts", true],
      ["./g.ts", false],
      ["./h.ts", true],
      ["./i.ts", false],
      ["./j.ts", false],
    ],
  );
});

/** Circles of files that import each other: at least one wherever there is any. */
function circlesOf(imports: readonly Import[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const line of imports) {
    const target = targetOf(line);
    if (target === undefined) continue;
    targets.set(line.file, (targets.get(line.file) ?? new Set()).add(target));
  }
  const circles: string[] = [];
  const done = new Set<string>();
  function follow(file: string, way: readonly string[]): void {
    const start = way.indexOf(file);
    if (start >= 0) circles.push([...way.slice(start), file].join(" → "));
    if (start >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) follow(target, [...way, file]);
    done.add(file);
  }
  for (const file of targets.keys()) follow(file, []);
  return circles;
}

Deno.test("house: no files import each other in a circle, types included", async () => {
  assertEquals(circlesOf(await allImports()), []);
});

Deno.test("house: the check of circles sees one", () => {
  const line = (file: string, specifier: string) => ({ file, specifier, typeOnly: true });
  assertEquals(
    circlesOf([line("src/a.ts", "./b.ts"), line("src/b.ts", "./c.ts"), line("src/c.ts", "./b.ts")]),
    ["src/b.ts → src/c.ts → src/b.ts"],
  );
  assertEquals(circlesOf([line("src/a.ts", "./b.ts"), line("src/b.ts", "./c.ts")]), []);
});

/** Imports whose specifier isn't a literal alone: Deno's module graph doesn't see them. */
function computedImports({ path, text }: Source): string[] {
  const tokens = codeOf(text);
  return tokens.flatMap((token, index) => {
    if (token.text !== "import" || token.kind !== "word" || tokens[index + 1]?.text !== "(") {
      return [];
    }
    const isLiteral = tokens[index + 2]?.kind === "string" &&
      /^[,)]$/.test(tokens[index + 3]?.text ?? "");
    return isLiteral ? [] : [`${path}:${token.line} imports what is computed: use ${LOADER}`];
  });
}

Deno.test("house: modules are hidden from Deno's graph by one helper alone", async () => {
  const sources = await programSources();
  assertEquals(
    sources.filter(({ path }) => !HIDES_IMPORTS.includes(path)).flatMap(computedImports),
    [],
  );
});

Deno.test("house: the check of computed imports sees one", () => {
  const find = (text: string) => computedImports({ path: "f.ts", text }).length;
  assertEquals(find('await import("./a.ts" as string)'), 1);
  assertEquals(find("await import(url)"), 1);
  assertEquals(find("await import(`./${name}.ts`)"), 1);
  assertEquals(
    find('await import("./a.ts"); type A = typeof import("./b.ts"); import.meta.url'),
    0,
  );
});

/** What a pure room doesn't touch: the runtime, and memory of objects that it once saw. */
const IMPURE = /^(Deno|globalThis|WeakMap|WeakRef|WeakSet|FinalizationRegistry)(\.|$)/;

function impurities({ path, text }: Source): string[] {
  return codeOf(text)
    .filter((token) => token.kind === "word" && IMPURE.test(token.text))
    .map((token) => `${path}:${token.line} uses ${token.text}`);
}

Deno.test("house: pure rooms touch no runtime and keep no memo of objects", async () => {
  const sources = await programSources();
  const pure = sources.filter(({ path }) => PURE.includes(roomOf(path)));
  assertEquals(pure.flatMap(impurities), []);
});

Deno.test("house: the check of purity sees what isn't pure", () => {
  const find = (text: string) => impurities({ path: "f.ts", text }).length;
  assertEquals(find("const a = Deno.env; const b = new WeakMap<object, number>();"), 2);
  assertEquals(find('// Deno.env\nconst a = "Deno.env"; a.denoted = 1;'), 0);
});

const TOP_LEVEL = /^(deno\.json|deno\.lock|main\.ts|src|tests|fixtures|README\.md|LICENSE|\..*)$/;
/** Left by the build and by tools, never committed. */
const IGNORED = /^(dist|coverage|node_modules)$/;

Deno.test("house: the top level is the one of src/README.md", async () => {
  const odd: string[] = [];
  for await (const { name } of Deno.readDir(root)) {
    if (!TOP_LEVEL.test(name) && !IGNORED.test(name)) odd.push(name);
  }
  assertEquals(odd, []);
});
