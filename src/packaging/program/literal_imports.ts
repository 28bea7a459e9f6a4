import { BuildError } from "./build_error.ts";

/** A call of `loadModule` as src/load_module.ts wants it written, however it is wrapped. */
const CALL =
  /\bloadModule<\s*typeof import\(\s*("[^"]+")\s*\),?\s*>\(\s*import\.meta,\s*\1,?\s*\)/g;

/** A call that isn't written so; neither the function itself nor an example in a comment. */
const OTHER_CALL = /^(?!\s*(?:\*|\/\/)).*(?<!function )\bloadModule[<(]/m;

/**
 * A module's source with its `loadModule` calls as literal imports, which a bundler follows.
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
export function withLiteralImports(path: string, source: string): string {
  const rewritten = source.replace(CALL, "import($1)");
  if (OTHER_CALL.test(rewritten)) {
    throw new BuildError(`A call of loadModule isn't written as src/load_module.ts says: ${path}`);
  }
  return rewritten;
}

/** Copies the modules of a folder, and of the folders in it, with their literal imports. */
export async function copyWithLiteralImports(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const path = `${from}/${name}`;
    if (isDirectory) await copyWithLiteralImports(path, `${to}/${name}`);
    else if (name.endsWith(".ts")) {
      const source = await Deno.readTextFile(path);
      await Deno.writeTextFile(`${to}/${name}`, withLiteralImports(path, source));
    }
  }
}
