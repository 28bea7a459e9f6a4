import { BuildError } from "./build_error.ts";

/** A call of `loadModule` as src/load_module.ts wants it written, however it is wrapped. */
const CALL =
  /\bloadModule<\s*typeof import\(\s*("[^"]+")\s*\),?\s*>\(\s*import\.meta,\s*\1,?\s*\)/g;

/** A call that isn't written so; neither the function itself nor an example in a comment. */
const OTHER_CALL = /^(?!\s*(?:\*|\/\/)).*(?<!function )\bloadModule[<(]/m;

/**
 * A module's source with its `loadModule` calls as literal imports, which a bundler follows: dynamic
 * ones, but of what `isAtOnce` says static ones.
 *
 * @throws {BuildError} for a call that isn't written as src/load_module.ts says.
 *
 * @example
 * ```ts
 * import { withLiteralImports } from "./literal_imports.ts";
 * const source = 'await loadModule<typeof import("./a.ts")>(import.meta, "./a.ts")';
 * const rewritten = withLiteralImports("main.ts", source);
 * if (rewritten !== 'await import("./a.ts")') throw new Error(rewritten);
 * ```
 */
export function withLiteralImports(
  path: string,
  source: string,
  isAtOnce: (specifier: string) => boolean = () => false,
): string {
  const atOnce: string[] = [];
  const rewritten = source.replace(CALL, (_, specifier: string) => {
    if (!isAtOnce(JSON.parse(specifier))) return `import(${specifier})`;
    atOnce.push(`import * as atOnce${atOnce.length} from ${specifier};\n`);
    return `Promise.resolve(atOnce${atOnce.length - 1})`;
  });
  if (OTHER_CALL.test(rewritten)) {
    throw new BuildError(`A call of loadModule isn't written as src/load_module.ts says: ${path}`);
  }
  return atOnce.join("") + rewritten;
}

/**
 * Copies a folder's modules with their literal imports. Those of `together`, by their paths in the
 * folder, become one chunk with all that they import: esbuild makes a chunk of the modules that the
 * same entries reach, so they are imported statically, and by every module that is loaded later too.
 */
export async function copyWithLiteralImports(
  from: string,
  to: string,
  together: readonly string[],
): Promise<void> {
  const paths = await modulesIn(from);
  const later = new Set<string>();
  for (const path of paths) {
    const source = await Deno.readTextFile(`${from}/${path}`);
    const rewritten = withLiteralImports(path, source, (specifier) => {
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
      const isAtOnce = together.includes(target);
      if (!isAtOnce) later.add(target);
      return isAtOnce;
    });
    await Deno.mkdir(`${to}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${to}/${path}`, rewritten);
  }
  const imports = together.map((path) => `import "./${path}";\n`);
  await Deno.writeTextFile(`${to}/together.ts`, imports.join(""));
  // Examples in comments name modules that aren't there.
  for (const path of paths.filter((path) => later.has(path))) {
    const root = path.replace(/[^/]+/g, "..").replace(/\.\.$/, "");
    const source = await Deno.readTextFile(`${to}/${path}`);
    await Deno.writeTextFile(`${to}/${path}`, `import "./${root}together.ts";\n${source}`);
  }
}

/** The paths of all modules in a folder and the folders in it. */
async function modulesIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      paths.push(...(await modulesIn(`${folder}/${name}`)).map((path) => `${name}/${path}`));
    } else if (/\.[jt]s$/.test(name)) paths.push(name);
  }
  return paths;
}
