import { BrainjarError } from "../budget/error.ts";
import { decode, type PartHeader } from "./decode.ts";
import { fileSource, isThere } from "./sources/file.ts";
import type { GgufHeader } from "./header.ts";
import type { ReadOptions } from "./limits.ts";
import type { LocateOptions } from "./environment.ts";
import { locateModel } from "./locate.ts";
import type { ModelTimer } from "./sources/server_turn.ts";
import type { ByteSource } from "./sources/source.ts";
import { isUrl } from "./sources/url.ts";
import { readSplit, splitCountOf } from "./split.ts";
import { loadModule } from "../load_module.ts";

/**
 * Reads a model's header: of one GGUF file (version 2 or 3, either byte order), or of all parts of
 * a split one, whichever part is named. Only the header's bytes are read, in windows; vocabularies
 * are skipped and counted, never turned into strings.
 *
 * @param model a path, a name in one of this machine's caches (`hf:ORG/REPO`, `ollama:NAME`), or an
 *   `http:` or `https:` URL, which is read by ranges
 * @throws BrainjarError of kind `usage`: `model-not-found`, `model-ambiguous`, or a code that starts
 *   with `gguf-`
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
  options: ReadOptions & LocateOptions = {},
): Promise<GgufHeader> {
  // A URL stays one whether it comes as text or as an object.
  const location = await locateModel(String(model), options);
  if (!isUrl(location)) return await readParts(location, options);
  // Few calls need it, and each module costs time at the start.
  const { inServerTurn } = await loadModule<typeof import("./sources/server_turn.ts")>(
    import.meta,
    "./sources/server_turn.ts",
  );
  return await inServerTurn(options, (timer) => readParts(location, { ...options, ...timer }));
}

/** How bytes are asked for, and until when. */
type SourceOptions = ReadOptions & LocateOptions & Partial<ModelTimer>;

async function readParts(location: string, options: SourceOptions): Promise<GgufHeader> {
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

async function readPart(
  location: string,
  options: SourceOptions,
  part: number,
  names: Set<string>,
): Promise<PartHeader> {
  try {
    const source = await open(location, options);
    try {
      return await decode(source, options, part, names);
    } finally {
      source.close();
    }
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    const { explain } = await loadModule<typeof import("./other_files/explain.ts")>(
      import.meta,
      "./other_files/explain.ts",
    );
    throw await explain(error, location, (source) => decode(source, options));
  }
}

async function open(
  location: string,
  options: SourceOptions,
): Promise<ByteSource> {
  if (!isUrl(location)) {
    const source = fileSource(location);
    // Few files need more than this look at their names, and each module costs time at the start.
    if (/\.gguf$/i.test(location) && !isThere(`${location}.aria2`)) return source;
    const { unfinishedDownload } = await loadModule<
      typeof import("./other_files/unfinished.ts")
    >(import.meta, "./other_files/unfinished.ts");
    const unfinished = unfinishedDownload(location);
    if (unfinished === undefined) return source;
    source.close();
    throw unfinished;
  }
  // Few calls need it, and each module costs time at the start.
  const { httpSource } = await loadModule<typeof import("./sources/http.ts")>(
    import.meta,
    "./sources/http.ts",
  );
  return await httpSource(location, options);
}
