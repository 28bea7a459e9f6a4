import { assert, assertEquals } from "@std/assert";
import { withLiteralImports } from "../src/packaging/program/literal_imports.ts";

// The house of brainjar: which folder may import which. Arrows go down this list only; folders on
// one line may share types, never code.
const FLOORS: readonly (readonly string[])[] = [
  ["main"],
  ["cli", "mod"],
  ["experiment", "report", "packaging"],
  ["plan"],
  ["ledger"],
  ["engine", "machine", "gguf"],
  ["footprint"],
  ["llama_cpp"],
  ["budget"],
  ["load_module"],
];

/** Folders that must stay pure: no Deno, no node:, no packages. */
const PURE = ["budget", "footprint", "llama_cpp"];

/** Packages that one file alone may name. */
const SINGLE_DOORS: Readonly<Record<string, string>> = {
  "node-llama-cpp": "src/engine/llama.ts",
  "systeminformation": "src/machine/other.ts",
};

/** Start the program as main.ts does, from inside the one file. */
const ENTRIES = ["src/packaging/portable/start.ts"];

const TOP_LEVEL = /^(deno\.json|deno\.lock|main\.ts|src|tests|fixtures|README\.md|LICENSE|\..*)$/;
/** Left by the build and by tools, never committed. */
const IGNORED = /^(dist|coverage|node_modules)$/;

const root = new URL("..", import.meta.url);

interface ImportLine {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts")) yield path;
  }
}

/** Comments hold examples with imports of their own. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function importsOf(file: string, source: string): ImportLine[] {
  const statements = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
  const dynamic = /\bimport\(\s*"([^"]+)"/g;
  const code = withoutComments(source);
  return [
    ...[...code.matchAll(statements)].map((match) => ({
      file,
      specifier: match[2] ?? "",
      typeOnly: match[1] !== undefined,
    })),
    ...[...code.matchAll(dynamic)].map((match) => ({
      file,
      specifier: match[1] ?? "",
      typeOnly: false,
    })),
  ];
}

/** The room of a file: `budget`, `cli`, …; `mod` for src/mod.ts. */
function roomOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "src" ? (parts[1] ?? "").replace(/\.ts$/, "") : path.replace(/\.ts$/, "");
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function resolve(file: string, specifier: string): string {
  return new URL(specifier, new URL(file, root)).pathname.slice(root.pathname.length);
}

async function allImports(): Promise<ImportLine[]> {
  const files = ["main.ts"];
  for await (const file of sourceFiles("src")) files.push(file);
  const lines: ImportLine[] = [];
  for (const file of files) {
    lines.push(...importsOf(file, await Deno.readTextFile(new URL(file, root))));
  }
  return lines;
}

/** What is wrong with one import, or nothing. */
function complaint(line: ImportLine): string | undefined {
  const from = roomOf(line.file);
  const said = `${line.file} imports ${line.specifier}`;
  if (/^(jsr|https?|npm):/.test(line.specifier)) return `${said}: use a bare name of deno.json`;
  const door = SINGLE_DOORS[line.specifier];
  if (door !== undefined && line.file !== door) return `${said}: only ${door} may`;
  if (!line.specifier.startsWith(".")) {
    return PURE.includes(from) ? `${said}: ${from} is pure` : undefined;
  }
  const target = resolve(line.file, line.specifier);
  if (ENTRIES.includes(line.file) && target === "main.ts") return undefined;
  // Data beside the code (deno.json's version) is nobody's room.
  if (!target.endsWith(".ts")) return undefined;
  const to = roomOf(target);
  if (from === to) return undefined;
  if (floorOf(from) < 0 || floorOf(to) < 0) return `${said}: not a room of the house`;
  if (
    PURE.includes(from) && from !== "budget" && target === "src/gguf/header.ts" && line.typeOnly
  ) return undefined;
  if (floorOf(from) < floorOf(to)) return undefined;
  if (floorOf(from) === floorOf(to) && line.typeOnly) return undefined;
  return `${said}: arrows go ${FLOORS.map((rooms) => rooms.join("|")).join(" → ")}`;
}

Deno.test("house: imports go one way, and packages enter by their one door", async () => {
  const lines = await allImports();
  assert(lines.length > 20, `Only ${lines.length} imports found: is the pattern right?`);
  assertEquals(lines.map(complaint).filter((text) => text !== undefined), []);
});

Deno.test("house: the check itself sees a wrong arrow", () => {
  const wrong: ImportLine[] = [
    { file: "src/budget/size.ts", specifier: "../gguf/read.ts", typeOnly: false },
    { file: "src/budget/size.ts", specifier: "../gguf/header.ts", typeOnly: true },
    { file: "src/footprint/estimate.ts", specifier: "node:fs", typeOnly: false },
    { file: "src/gguf/read.ts", specifier: "../machine/read.ts", typeOnly: false },
    { file: "src/engine/open.ts", specifier: "node-llama-cpp", typeOnly: true },
    { file: "src/cli/commands/check.ts", specifier: "npm:zod", typeOnly: false },
    { file: "src/engine/llama.ts", specifier: "../cli/flags/flags.ts", typeOnly: false },
  ];
  for (const line of wrong) assert(complaint(line) !== undefined, JSON.stringify(line));
  const source = '/** import { x } from "npm:x"; */\nimport {\n  a,\n} from "./a.ts";\n';
  assertEquals(importsOf("f.ts", source).map((line) => line.specifier), ["./a.ts"]);
});

Deno.test("house: pure folders don't touch Deno", async () => {
  for (const folder of PURE) {
    for await (const file of sourceFiles(`src/${folder}`)) {
      const code = withoutComments(await Deno.readTextFile(new URL(file, root)));
      assert(!/\bDeno\./.test(code), `${file} uses Deno`);
    }
  }
});

Deno.test("house: the top level is the one of src/README.md", async () => {
  const odd: string[] = [];
  for await (const entry of Deno.readDir(root)) {
    if (!TOP_LEVEL.test(entry.name) && !IGNORED.test(entry.name)) odd.push(entry.name);
  }
  assertEquals(odd, []);
});

Deno.test("house: modules are loaded lazily as the build can follow it", async () => {
  for await (const file of sourceFiles("src")) {
    withLiteralImports(file, await Deno.readTextFile(new URL(file, root)));
  }
});
