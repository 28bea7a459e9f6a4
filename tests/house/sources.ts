import { codeOf, type Token } from "./tokens.ts";

/** The project's own folder. */
export const root = new URL("../..", import.meta.url);

/** A text of the project, by its path from the top. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Data, not words: recorded machines, headers, expected reports. */
const DATA = /^fixtures\/(goldens|machines|truth\/headers)$/;

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${name}`;
    if (!isDirectory) yield path;
    else if (!DATA.test(path)) yield* filesBelow(path);
  }
}

/** The files in these folders, and these files, whose names end as asked, in order of their paths. */
export async function sourcesIn(places: readonly string[], ends: RegExp): Promise<Source[]> {
  const paths: string[] = [];
  for (const place of places) {
    const { isFile } = await Deno.stat(new URL(place, root));
    if (isFile) paths.push(place);
    else for await (const path of filesBelow(place)) paths.push(path);
  }
  const wanted = paths.filter((path) => ends.test(path)).toSorted();
  return await Promise.all(
    wanted.map(async (path) => ({ path, text: await Deno.readTextFile(new URL(path, root)) })),
  );
}

/** The program's modules; declarations of others' modules aren't any. */
export async function programSources(): Promise<Source[]> {
  return await sourcesIn(["main.ts", "src"], /(?<!\.d)\.ts$/);
}

/** One import, export from, or dynamic import, of a module whose name is written out. */
export interface Import {
  readonly file: string;
  readonly specifier: string;
  /** `import type`, `export type`, or `typeof import(…)`. */
  readonly typeOnly: boolean;
}

/** What a module imports, in the order of its text. */
export function importsOf({ path, text }: Source): Import[] {
  const tokens = codeOf(text);
  const found: Import[] = [];
  tokens.forEach((token, index) => {
    if (token.kind !== "word") return;
    const next = tokens[index + 1];
    if (token.text === "import" && next?.text === "(") {
      const specifier = tokens[index + 2];
      const typeOnly = tokens[index - 1]?.text === "typeof";
      if (specifier?.kind === "string") {
        found.push({ file: path, specifier: specifier.text, typeOnly });
      }
    } else if (token.text === "import" || token.text === "export") {
      const specifier = specifierAfter(tokens, index + 1);
      const typeOnly = next?.text === "type" && tokens[index + 2]?.text !== "from";
      if (specifier !== undefined) found.push({ file: path, specifier, typeOnly });
    }
  });
  return found;
}

/** The module that an import or export statement names: `"x"`, `… from "x"`. */
function specifierAfter(tokens: readonly Token[], start: number): string | undefined {
  let at = start;
  if (tokens[at]?.kind === "string") return tokens[at]?.text;
  // Names, braces, commas and a star: anything else is no list of names.
  while (/^(?:[\w$]+|[{},*])$/.test(tokens[at]?.text ?? "") && tokens[at]?.text !== "from") at++;
  const specifier = tokens[at + 1];
  return tokens[at]?.text === "from" && specifier?.kind === "string" ? specifier.text : undefined;
}

/** The path of an imported module from the top; nothing for a package. */
export function targetOf({ file, specifier }: Pick<Import, "file" | "specifier">) {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, new URL(file, root)).pathname.slice(root.pathname.length);
}
