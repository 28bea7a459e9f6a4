import { BrainjarError } from "../budget/error.ts";
import { defined } from "../budget/defined.ts";
import { type GgufHeader, textOf } from "../gguf/header.ts";
import { isCacheName } from "../gguf/locate.ts";
import { loadModule } from "../load_module.ts";
import { readHeader } from "../gguf/read.ts";
import { isUrl, resolveLinks } from "./model_path.ts";

/** What every language model has. */
const EMBEDDING = "token_embd.weight";

/** A model that was found by the name that somebody gave it. */
export interface NamedModel {
  /**
   * The name that people know it by: the first part's path, its links unresolved; a URL without its
   * secrets; a name in a cache as it was given.
   */
  readonly name: string;
  /** The same for two names of one model: the paths of its files with links resolved. */
  readonly key: string;
  readonly header: GgufHeader;
}

/**
 * Finds a model by a path, a URL or a name in a cache, and reads its header. What isn't a model is
 * refused here, so that every command refuses it alike.
 *
 * @throws {BrainjarError} what `readHeader` throws, and `not-a-model`
 */
export async function readNamedModel(given: string): Promise<NamedModel> {
  try {
    const header = await readHeader(given);
    await checkIsModel(header);
    const paths = header.parts.map(({ path }) => path);
    return {
      name: isCacheName(given) ? given : paths[0] ?? given,
      // A URL's secrets may be what tells two files apart.
      key: isUrl(given) ? given : JSON.stringify(paths.map(resolveLinks)),
      header,
    };
  } catch (error) {
    throw isCacheName(given) ? withName(error, given) : error;
  }
}

/** Throws where a GGUF file is no language model, with those that lie beside it. */
async function checkIsModel(header: GgufHeader): Promise<void> {
  const type = textOf(header, "general.type") ?? "model";
  // Nearly every file has both, and each module costs time at the start.
  if (type === "model" && header.tensors.some(({ name }) => name === EMBEDDING)) return;
  const { otherKind } = await loadModule<typeof import("../gguf/not_a_model.ts")>(
    import.meta,
    "../gguf/not_a_model.ts",
  );
  const kind = otherKind(header);
  if (kind === undefined) return;
  const path = header.parts[0]?.path ?? "";
  const { modelsBeside } = await loadModule<
    typeof import("../gguf/other_files/not_found.ts")
  >(import.meta, "../gguf/other_files/not_found.ts");
  const beside = isUrl(path) ? undefined : modelsBeside(path);
  throw new BrainjarError("not-a-model", `Not a model: ${path} is ${kind.what}`, {
    hint: kind.hint + (beside === undefined ? "" : `. Beside it: ${beside}`),
  });
}

/** A file of a cache may be called by its checksum: an error names the model too. */
function withName(error: unknown, given: string): unknown {
  if (!(error instanceof BrainjarError) || error.message.includes(given)) return error;
  const { code, message, hint, kind } = error;
  return new BrainjarError(code, `${message} (${given})`, {
    kind,
    cause: error,
    ...defined({ hint }),
  });
}
