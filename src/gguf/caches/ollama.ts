import type { BrainjarError } from "../../budget/error.ts";
import { fault } from "../fault.ts";
import { listNames } from "../list_names.ts";
import { kindOf, listFolders, MOST_LISTED, namedAlike, namesIn, readNote } from "./folder.ts";
import { type CachePlaces, ollamaFolders } from "./places.ts";

/** A model as Ollama names it, `[[HOST/]NAMESPACE/]NAME[:TAG]`. */
interface OllamaName {
  /** As it was given. */
  readonly given: string;
  /** What stands before the tag. */
  readonly path: string;
  readonly tag: string | undefined;
}

/** Where names without a host and without a namespace belong (Ollama's types/model/name.go). */
const HOST = "registry.ollama.ai";
const NAMESPACE = "library";
const TAG = "latest";

/** What a layer of a manifest is. */
const MODEL_LAYER = "application/vnd.ollama.image.model";
const TENSOR_LAYER = "application/vnd.ollama.image.tensor";

/**
 * The file of a model in Ollama's folders: the blob that its manifest names.
 *
 * @throws BrainjarError `model-not-found`
 */
export function findInOllama(name: OllamaName, places: CachePlaces): string {
  const folders = ollamaFolders(places);
  const words = name.path.split("/");
  const repository = [HOST, NAMESPACE].slice(0, 3 - words.length).concat(words);
  for (const folder of folders) {
    const [manifest] = pathsAlike(`${folder}/manifests`, [...repository, name.tag ?? TAG]);
    if (manifest !== undefined) return modelOf(manifest, folder, name);
  }
  const others = folders.flatMap((folder) =>
    pathsAlike(`${folder}/manifests`, repository).flatMap(namesIn)
  ).map((tag) => `ollama:${name.path}:${tag}`);
  throw notThere(name, others, folders);
}

/**
 * The models that Ollama pulled from a hub's repository: their tags, and the files.
 */
export function hubModelsInOllama(
  repository: string,
  places: CachePlaces,
): { readonly tag: string; readonly path: string }[] {
  return ollamaFolders(places).flatMap((folder) =>
    ["hf.co", "huggingface.co"].flatMap((host) =>
      pathsAlike(`${folder}/manifests`, [host, ...repository.split("/")])
    ).flatMap((below) =>
      namesIn(below).flatMap((tag) => {
        const path = blobOf(layersOf(`${below}/${tag}`) ?? [], folder);
        return path === undefined ? [] : [{ tag, path }];
      })
    )
  );
}

/** Paths below a folder whose words are these, in any case. */
function pathsAlike(folder: string, words: readonly string[]): string[] {
  return words.reduce<string[]>(
    (paths, word) =>
      paths.flatMap((path) => namedAlike(path, word).map((name) => `${path}/${name}`)),
    [folder],
  );
}

interface Layer {
  readonly mediaType?: unknown;
  readonly digest?: unknown;
}

function modelOf(manifest: string, folder: string, name: OllamaName): string {
  const layers = layersOf(manifest);
  if (layers === undefined) {
    throw fault(
      "model-not-found",
      `Model "${name.given}" can't be looked up: Ollama's manifest can't be read: ${manifest}`,
      `Check who may read it, or fetch the model again with: ${pullCommand(name)}`,
    );
  }
  if (digestOf(layers) === undefined) {
    const isApart = layers.some((layer) => layer.mediaType === TENSOR_LAYER);
    throw fault(
      "model-not-found",
      isApart
        ? `Model "${name.given}" has no GGUF file: Ollama keeps its tensors apart`
        : `Model "${name.given}" has no file on this machine: it runs elsewhere`,
      "Give one that Ollama keeps as GGUF, or a model's .gguf file",
    );
  }
  const path = blobOf(layers, folder);
  if (path !== undefined) return path;
  throw fault(
    "model-not-found",
    `Model "${name.given}" is in Ollama's list without its file`,
    `Fetch it with: ${pullCommand(name)} (looked in ${folder}/blobs)`,
  );
}

/** The layers of a manifest; nothing where it can't be read. */
function layersOf(manifest: string): readonly Layer[] | undefined {
  try {
    const { layers } = JSON.parse(readNote(manifest));
    return Array.isArray(layers) ? layers : [];
  } catch {
    return undefined;
  }
}

function digestOf(layers: readonly Layer[]): string | undefined {
  const digest = layers.find((layer) => layer.mediaType === MODEL_LAYER)?.digest;
  return typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** The file of the layer that is the model; older versions of Ollama wrote the colon. */
function blobOf(layers: readonly Layer[], folder: string): string | undefined {
  const digest = digestOf(layers);
  if (digest === undefined) return undefined;
  return [digest.replace(":", "-"), digest].map((blob) => `${folder}/blobs/${blob}`)
    .find((path) => kindOf(path) === "file");
}

function pullCommand({ path, tag }: OllamaName): string {
  return `ollama pull ${path}${tag === undefined ? "" : `:${tag}`}`;
}

function notThere(
  name: OllamaName,
  others: readonly string[],
  folders: readonly string[],
): BrainjarError {
  const here = others.length === 0 ? "" : `Here there are ${listNames(others, MOST_LISTED)}. `;
  return fault(
    "model-not-found",
    `Model "${name.given}" isn't among Ollama's on this machine`,
    `${here}Fetch it with: ${pullCommand(name)} (looked in ${listFolders(folders)})`,
  );
}
