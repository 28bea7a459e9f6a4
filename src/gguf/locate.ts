import { loadModule } from "../load_module.ts";
import type { LocateOptions } from "./environment.ts";
import { isUrl } from "./sources/url.ts";

/**
 * Whether a model is named as hubs and registries name it (`hf:ORG/REPO`, `ollama:NAME`), so that it
 * is looked up in this machine's caches.
 */
export function isCacheName(model: string): boolean {
  return /^(hf|huggingface|ollama):/i.test(model);
}

/** Whether a model is named by a path: not by a URL, nor by a name in a cache. */
export function isPath(model: string): boolean {
  return !isUrl(model) && !isCacheName(model) && !isFileUrl(model);
}

function isFileUrl(model: string): boolean {
  return /^file:/i.test(model);
}

/**
 * Where a model lies: a path that is absolute where something is there, or a URL as it is.
 *
 * Links are not resolved: a split model's parts are found by their names, and a cache's links have
 * the names that were published. A name in a cache becomes the path of its (first) file, `~` the
 * home folder.
 *
 * @throws BrainjarError `model-not-found` or `model-ambiguous` for a name that caches don't have, or
 *   have several files for
 *
 * @example
 * ```ts
 * import { locateModel } from "./locate.ts";
 * const environment = (name: string) => name === "HOME" ? "/home/me" : undefined;
 * const path = await locateModel("~/m.gguf", { environment });
 * if (path !== "/home/me/m.gguf") throw new Error(path);
 * ```
 */
export async function locateModel(model: string, options: LocateOptions = {}): Promise<string> {
  if (isUrl(model)) return model;
  if (isCacheName(model)) {
    // Few calls need it, and each module costs time at the start.
    const { findInCaches } = await loadModule<typeof import("./caches/find.ts")>(
      import.meta,
      "./caches/find.ts",
    );
    return findInCaches(model, options);
  }
  if (isFileUrl(model)) return absolute(pathOfFileUrl(model));
  if (!model.startsWith("~")) return absolute(model);
  const { expandHome } = await loadModule<typeof import("./environment.ts")>(
    import.meta,
    "./environment.ts",
  );
  return absolute(expandHome(model, options.environment));
}

function pathOfFileUrl(url: string): string {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    return Deno.build.os === "windows" ? path.replace(/^\/(?=[a-z]:)/i, "") : path;
  } catch {
    // Not a URL after all: a file of that name isn't there either, and the error says so.
    return url;
  }
}

/**
 * A path from the root, links as they are; where nothing is there it stays as it was given, since
 * that is what an error should quote. `..` stays, because behind a link it isn't the folder above.
 */
function absolute(path: string): string {
  if (/^([a-z]:)?[/\\]/i.test(path)) return path;
  try {
    Deno.lstatSync(path);
    return `${Deno.cwd()}/${path.replace(/^(\.[/\\]+)+/, "")}`;
  } catch {
    return path;
  }
}
