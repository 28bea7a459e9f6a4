import { isBuiltin } from "node:module";

/** What a package may be called, without a part of it: `debug`, `@scope/name`. */
const PACKAGE = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*/;

/** A name that is written out where a module is asked for. */
const ASKED_FOR =
  /\b(?:require(?:\.resolve)?\s*\(|import\s*\(|from|import)\s*(["'`])([^"'`\s]+)\1/g;

/** Files that are searched for names. */
const MODULE = /\.[cm]?js$/;

/** A package that has nothing: who asks for it is told so, and the search ends there. */
const NOTHING = '{"exports":{}}\n';

/** The packages that a module's text names; some may be words of its comments. */
export function packagesNamedBy(source: string): Set<string> {
  const names = new Set<string>();
  for (const [, , specifier = ""] of source.matchAll(ASKED_FOR)) {
    if (/^[a-z]+:/.test(specifier)) continue;
    const [name] = PACKAGE.exec(specifier) ?? [];
    if (name !== undefined && !isBuiltin(name)) names.add(name);
  }
  return names;
}

/**
 * Puts an empty package wherever a module of a staged program names one that didn't come along:
 * optional ones, other platforms' builds.
 *
 * They would be looked for in `node_modules` of every folder above, of which others may write to
 * some, such as /tmp, and what they put there would be run.
 */
export async function closeAbsentPackages(folder: string): Promise<void> {
  const packages = `${folder}/node_modules`;
  const named = new Set<string>();
  for await (const path of modulesIn(folder)) {
    for (const name of packagesNamedBy(await Deno.readTextFile(path))) named.add(name);
  }
  for (const name of [...named].toSorted()) {
    const path = `${packages}/${name}`;
    try {
      await Deno.stat(path);
    } catch {
      await Deno.mkdir(path, { recursive: true });
      await Deno.writeTextFile(`${path}/package.json`, NOTHING);
    }
  }
}

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* modulesIn(path);
    else if (isFile && MODULE.test(name)) yield path;
  }
}
