/**
 * Loads a module when it is reached, unseen by Deno's module graph: whatever a literal `import()`
 * names, Deno reads (and of packages, fetches) before the first line runs. For the code of one
 * command, of one family of models and of the engine.
 *
 * Written `loadModule<typeof import("./a.ts")>(import.meta, "./a.ts")`, with the specifier twice: the
 * build rewrites exactly this to a literal import, so that the bundler finds the module
 * (packaging/program/literal_imports.ts).
 *
 * @param from The `import.meta` of the caller, which `specifier` is relative to.
 *
 * @example
 * ```ts
 * import { loadModule } from "./load_module.ts";
 * const size = await loadModule<typeof import("./budget/size.ts")>(
 *   import.meta,
 *   "./budget/size.ts",
 * );
 * if (size.GB !== 1024 ** 3) throw new Error("Its exports are typed");
 * ```
 */
export function loadModule<Module>(
  from: Pick<ImportMeta, "url">,
  specifier: string,
): Promise<Module> {
  return import(new URL(specifier, from.url).href);
}
