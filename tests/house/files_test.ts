import { assertEquals } from "@std/assert";
import { type Import, importsOf, programSources, type Source, targetOf } from "./sources.ts";

// Folders that want to be two, and files that want to be part of the one that needs them.

const MOST_FILES = 20;
const FEWEST_LINES = 20;

/** Folders and files that stay as they are, and why. */
const REASONS: Readonly<Record<string, string>> = {
  "main.ts": "the program's own start, which the one file's start imports",
  "src/llama_cpp/models": "a file for each family of architectures",
  "src/packaging/portable/hold_tree.ts": "an effect that comes before the program's imports",
};

function crowdedFolders(paths: readonly string[]): string[] {
  const folders = Map.groupBy(paths, (path) => path.replace(/\/?[^/]*$/, ""));
  return [...folders].filter(([, files]) => files.length > MOST_FILES).map(([folder]) => folder);
}

/** Files of few lines that one other file needs. */
function smallFiles(sources: readonly Source[], imports: readonly Import[]): string[] {
  const users = new Map<string, Set<string>>();
  for (const line of imports) {
    const target = targetOf(line);
    if (target !== undefined) users.set(target, (users.get(target) ?? new Set()).add(line.file));
  }
  return sources
    .filter(({ path, text }) =>
      text.trimEnd().split("\n").length < FEWEST_LINES && users.get(path)?.size === 1
    )
    .map(({ path }) => path);
}

Deno.test("house: no folder is crowded, and no file is a scrap of another", async () => {
  const sources = await programSources();
  const found = [
    ...crowdedFolders(sources.map(({ path }) => path)),
    ...smallFiles(sources, sources.flatMap(importsOf)),
  ];
  assertEquals(found.toSorted(), Object.keys(REASONS).toSorted());
});

Deno.test("house: the check of files sees a crowd and a scrap", () => {
  const many = Array.from({ length: MOST_FILES + 1 }, (_, index) => `src/a/${index}.ts`);
  assertEquals(crowdedFolders([...many, "src/b/c.ts"]), ["src/a"]);
  assertEquals(crowdedFolders(many.slice(1)), []);
  const sources = [
    { path: "src/a.ts", text: 'import "./small.ts";\n'.repeat(30) },
    { path: "src/b.ts", text: 'import "./a.ts"; import "./used.ts";\n' },
    { path: "src/c.ts", text: 'import "./a.ts"; import "./used.ts";\n' },
    { path: "src/small.ts", text: "\n".repeat(10) },
    { path: "src/used.ts", text: "" },
  ];
  assertEquals(smallFiles(sources, sources.flatMap(importsOf)), ["src/small.ts"]);
});
