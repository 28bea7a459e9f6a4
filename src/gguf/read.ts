import { decode, type PartHeader } from "./decode.ts";
import { fileSource } from "./sources/file.ts";
import type { GgufHeader } from "./header.ts";
import type { ReadOptions } from "./limits.ts";
import type { ByteSource } from "./sources/source.ts";
import { isUrl } from "./sources/url.ts";
import { readSplit, splitCountOf } from "./split.ts";
import { loadModule } from "../load_module.ts";

/**
 * Reads a model's header: of one GGUF file (version 2 or 3, either byte order), or of all parts of
 * a split one, whichever part is named. Only the header's bytes are read, in windows; vocabularies
 * are skipped and counted, never turned into strings.
 *
 * @param model a path, or an `http:` or `https:` URL, which is read by ranges
 * @throws BrainjarError of kind `usage`: `model-not-found`, or a code that starts with `gguf-`
 *
 * @example
 * ```ts
 * import { readHeader } from "./read.ts";
 * const failure = await readHeader("no-such-model.gguf").catch((error) => error);
 * if (failure.message !== "Model file not found: no-such-model.gguf") throw failure;
 * ```
 */
export async function readHeader(
  model: string | URL,
  options: ReadOptions = {},
): Promise<GgufHeader> {
  const location = locationOf(model);
  const first = await readPart(location, options, 0, new Set());
  if (splitCountOf(first) > 1) {
    return await readSplit(
      location,
      first,
      (path, part, names) => readPart(path, options, part, names),
    );
  }
  const { part, ...rest } = first;
  return { ...rest, parts: [part], fileBytes: part.fileBytes };
}

/** A URL stays one whether it comes as text or as an object; `file:` is a path. */
function locationOf(model: string | URL): string {
  const text = String(model);
  if (!/^file:/i.test(text)) return text;
  try {
    const path = decodeURIComponent(new URL(text).pathname);
    return Deno.build.os === "windows" ? path.replace(/^\/(?=[a-z]:)/i, "") : path;
  } catch {
    // Not a URL after all: a file of that name isn't there either, and the error says so.
    return text;
  }
}

async function readPart(
  location: string,
  options: ReadOptions,
  part: number,
  names: Set<string>,
): Promise<PartHeader> {
  const source = await open(location, options);
  try {
    return await decode(source, options, part, names);
  } finally {
    source.close();
  }
}

async function open(location: string, options: ReadOptions): Promise<ByteSource> {
  if (!isUrl(location)) return fileSource(location);
  // Few calls need it, and each module costs time at the start.
  const { httpSource } = await loadModule<typeof import("./sources/http.ts")>(
    import.meta,
    "./sources/http.ts",
  );
  return await httpSource(location, options);
}
