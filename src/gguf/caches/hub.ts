import { fault } from "../fault.ts";
import { isBeside } from "../../llama_cpp/models/beside_models.ts";
import { parseSplitName, partPaths } from "../split_name.ts";
import { filesBelow, kindOf, namedAlike, namesIn, readNote } from "./folder.ts";
import { type CachedModel, type HubName, isIncomplete, listed, notCached } from "./hub_miss.ts";
import { hubModelsInOllama } from "./ollama.ts";
import { type CachePlaces, hubFolders, llamaCppFolders, lmStudioFolders } from "./places.ts";

/**
 * The file of a hub's model in this machine's caches: those of the hub's own library, llama.cpp, LM
 * Studio and Ollama.
 *
 * @throws BrainjarError `model-not-found`, `model-ambiguous`
 */
export function findInHubCaches(name: HubName, places: CachePlaces): string {
  const models = cachedModels(name, places);
  const meant = chosen(models, name);
  const [first, second] = meant;
  if (first === undefined) {
    const others = chosen(models, { ...name, file: undefined, quantization: undefined });
    throw notCached(name, others, places);
  }
  if (second === undefined) {
    if (partPaths(first.path).every((path) => kindOf(path) === "file")) return first.path;
    throw isIncomplete(name, first);
  }
  throw fault(
    "model-ambiguous",
    `Model "${name.given}" is several files of this machine's caches`,
    `Name one of them: ${listed(meant)}`,
  );
}

/**
 * Every GGUF file of a repository, each once: from the first cache that has it. Where a file is
 * named, any file: what it is will be said when it is read.
 */
function cachedModels({ repository, file }: HubName, places: CachePlaces): CachedModel[] {
  const ending = file === undefined ? ".gguf" : "";
  const files = [
    ...hubFolders(places).flatMap((folder) => inHubCache(folder, repository)),
    // llama.cpp came to keep its cache as the hub's library does (hf-cache.cpp).
    ...llamaCppFolders(places).flatMap((folder) => inHubCache(folder, repository)),
    ...llamaCppFolders(places).flatMap((folder) => inLlamaCppCache(folder, repository)),
    ...lmStudioFolders(places).flatMap((folder) => inLmStudio(folder, repository)),
  ].filter(({ file }) => file.toLowerCase().endsWith(ending)).filter(({ file }) =>
    (parseSplitName(file)?.number ?? 1) === 1
  );
  const models: CachedModel[] = [];
  for (const { file, path } of files) {
    if (models.some((model) => isSameFile(model, { file, path }))) continue;
    models.push({ file, path, name: `hf:${repository}/${file}` });
  }
  for (const { tag, path } of hubModelsInOllama(repository, places)) {
    // The same as one of the files, as a rule.
    if (matchingQuantization(models, tag).length > 0) continue;
    models.push({ file: `${tag}.gguf`, path, name: `hf:${repository}:${tag}` });
  }
  return models;
}

/**
 * Whether two caches have the same file of a repository: some leave out the repository's folders, and
 * llama.cpp writes them into the name.
 */
function isSameFile(one: CachedFile, other: CachedFile): boolean {
  const lacksFolders = !one.file.includes("/") || !other.file.includes("/");
  return flatName(one.file) === flatName(other.file) ||
    lacksFolders && baseName(one.file) === baseName(other.file) &&
      sizeOf(one.path) === sizeOf(other.path);
}

interface CachedFile {
  readonly file: string;
  readonly path: string;
}

/** The hub's own: `models--ORG--REPO/snapshots/REVISION`, links with the published names. */
function inHubCache(folder: string, repository: string): CachedFile[] {
  return namedAlike(folder, `models--${repository.replaceAll("/", "--")}`).flatMap((name) => {
    const snapshots = `${folder}/${name}/snapshots`;
    const main = readText(`${folder}/${name}/refs/main`);
    const revisions = namesIn(snapshots).map((revision) => ({
      revision,
      // What `main` is now comes first, then the newest.
      age: revision === main ? -Infinity : -changedAt(`${snapshots}/${revision}`),
    })).sort((a, b) => a.age - b.age);
    return revisions.flatMap(({ revision }) => cachedBelow(`${snapshots}/${revision}`));
  });
}

/** llama.cpp's own: `ORG_REPO_FILE`, all in one folder. */
function inLlamaCppCache(folder: string, repository: string): CachedFile[] {
  const prefix = `${repository.replaceAll("/", "_")}_`.toLowerCase();
  return namesIn(folder).filter((name) => name.toLowerCase().startsWith(prefix)).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (kindOf(path) !== "file") return [];
    return [{ file: name.slice(prefix.length), path }];
  });
}

/** LM Studio's: `ORG/REPO/FILE`. */
function inLmStudio(folder: string, repository: string): CachedFile[] {
  return repository.split("/").reduce<string[]>(
    (paths, word) =>
      paths.flatMap((path) => namedAlike(path, word).map((name) => `${path}/${name}`)),
    [folder],
  ).flatMap(cachedBelow);
}

function cachedBelow(folder: string): CachedFile[] {
  return filesBelow(folder).map((file) => ({ file, path: `${folder}/${file}` }));
}

/** Those that a name means. Without a file's name, what lies beside models isn't meant. */
function chosen(all: readonly CachedModel[], { file, quantization }: HubName): CachedModel[] {
  const models = all.filter((model) =>
    /\.gguf$/i.test(model.file) && !isBeside(baseName(model.file))
  );
  if (file === undefined) {
    return quantization === undefined ? models : matchingQuantization(models, quantization);
  }
  const wanted = firstPart(file);
  const exact = all.filter((model) => flatName(model.file) === flatName(wanted));
  if (exact.length > 0) return exact;
  return all.filter((model) => baseName(model.file).toLowerCase() === wanted.toLowerCase());
}

/** The first part's name by that of any part. */
function firstPart(file: string): string {
  return file.replace(/-\d{5}(-of-\d{5}\.gguf)$/i, "-00001$1");
}

/**
 * Models whose file or folder is called by a quantization, letters of any case. Where it stands for
 * itself (`m-Q4_K_XL`) it doesn't mean the one that has it with more before it (`m-UD-Q4_K_XL`).
 */
function matchingQuantization(
  models: readonly CachedModel[],
  quantization: string,
): CachedModel[] {
  const word = quantization.replace(/[.\\-]/g, String.raw`\$&`);
  const pattern = new RegExp(
    String.raw`(^|[-._/])${word}(?=[-./]\d{5}-of-|\.gguf$|/)`,
    "i",
  );
  const matching = models.filter(({ file }) => pattern.test(file));
  const plain = matching.filter(({ file }) => !/(^|[-._/])UD-/i.test(file));
  return plain.length > 0 ? plain : matching;
}

function baseName(file: string): string {
  return file.replace(/^.*\//, "");
}

/** As llama.cpp's cache calls it, in letters of one case. */
function flatName(file: string): string {
  return file.replaceAll("/", "_").toLowerCase();
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readNote(path).trim();
  } catch {
    return undefined;
  }
}

function changedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}
