import type { BrainjarError } from "../../budget/error.ts";
import { fault } from "../fault.ts";
import { listNames } from "../list_names.ts";
import { bytePartNames } from "../other_files/byte_part_name.ts";
import { shellWord } from "../other_files/shell_word.ts";
import { parseSplitName } from "../split_name.ts";
import { filesBelow, listFolders, MOST_LISTED, namedAlike, namesIn } from "./folder.ts";
import {
  type CachePlaces,
  hubFolders,
  llamaCppFolders,
  lmStudioFolders,
  ollamaFolders,
} from "./places.ts";

/** A model as a hub names it: `ORG/REPO`, with a file or a quantization. */
export interface HubName {
  /** As it was given. */
  readonly given: string;
  readonly repository: string;
  readonly file: string | undefined;
  readonly quantization: string | undefined;
}

/** A model that some cache has. */
export interface CachedModel {
  /** What it is called in the repository, or the tag that stands for it. */
  readonly file: string;
  /** Where it is; of a split model, the first part. */
  readonly path: string;
  /** What names it and no other. */
  readonly name: string;
}

/** What llama.cpp takes of a repository where nobody says which. */
const USUAL_QUANTIZATION = "Q4_K_M";

/** The command that would fetch what was named. */
function downloadCommand({ repository, file, quantization }: HubName): string {
  if (file !== undefined) {
    const parts = parseSplitName(file);
    // A split model is all of its parts.
    return parts === undefined
      ? `hf download ${repository} ${shellWord(file)}`
      : `hf download ${repository} --include ${shellWord(`${parts.prefix}-*.gguf`)}`;
  }
  const pattern = `*${quantization ?? USUAL_QUANTIZATION}*.gguf`;
  return `hf download ${repository} --include ${shellWord(pattern)}`;
}

/** The error for a model of which a cache has some parts and not all. */
export function isIncomplete(name: HubName, { file, path }: CachedModel): BrainjarError {
  return fault(
    "model-not-found",
    `Model "${name.given}" isn't in this machine's caches as a whole: parts are missing beside ${path}`,
    `Fetch them with: ${downloadCommand({ ...name, file })}`,
  );
}

/** The error for a model that no cache has, with `models` of its repository that are there. */
export function notCached(
  name: HubName,
  models: readonly CachedModel[],
  places: CachePlaces,
): BrainjarError {
  const repositories = [...hubFolders(places), ...llamaCppFolders(places)].flatMap((folder) =>
    namedAlike(folder, `models--${name.repository.replaceAll("/", "--")}`)
      .map((found) => `${folder}/${found}`)
  );
  const command = downloadCommand(name);
  const fetchIt = `Fetch it with: ${command}`;
  const folders = [
    ...hubFolders(places),
    ...llamaCppFolders(places),
    ...lmStudioFolders(places),
    ...ollamaFolders(places),
  ];
  const lookedIn = `(looked in ${listFolders(folders)})`;
  const fail = (what: string, hint: string) =>
    fault("model-not-found", `Model "${name.given}" ${what}`, hint);
  if (models.length > 0) {
    return fail(
      "isn't in this machine's caches, other files of its repository are",
      `Name one of them: ${listed(models)}. ${fetchIt} ${lookedIn}`,
    );
  }
  const pieces = repositories.flatMap((path) => piecesIn(`${path}/snapshots`));
  if (pieces.length > 0 && name.file === undefined) {
    return fail(
      "is in this machine's caches in pieces",
      `Join them: brainjar check --model hf:${name.repository}/${pieces[0]} says how`,
    );
  }
  if (
    repositories.some((path) =>
      namesIn(`${path}/blobs`).some((blob) => blob.endsWith(".incomplete"))
    )
  ) {
    return fail(
      "isn't in this machine's caches as a whole: its download hasn't ended",
      `Let it end, or let it go on with: ${command}`,
    );
  }
  if (repositories.some((path) => filesBelow(`${path}/snapshots`, ".safetensors").length > 0)) {
    return fail(
      "is in this machine's caches as safetensors, not as GGUF",
      "Look for a repository that has it as GGUF (often called -GGUF), or convert it with " +
        "llama.cpp's convert_hf_to_gguf.py",
    );
  }
  return fail("isn't in this machine's caches", `${fetchIt} ${lookedIn}`);
}

/** Files that are pieces of one cut by bytes, without the folder of their revision. */
function piecesIn(snapshots: string): string[] {
  return filesBelow(snapshots).map((file) => file.replace(/^[^/]*\//, ""))
    .filter((file) => bytePartNames(file).some(({ certain }) => certain));
}

/** Models as a hint lists them. */
export function listed(models: readonly CachedModel[]): string {
  return listNames(models.map(({ name }) => name), MOST_LISTED);
}
