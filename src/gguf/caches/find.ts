import { BrainjarError } from "../../budget/error.ts";
import { type LocateOptions, processEnvironment } from "../environment.ts";
import { findInHubCaches } from "./hub.ts";
import { findInOllama } from "./ollama.ts";
import type { CachePlaces } from "./places.ts";

/** Parts of a name between slashes and colons; a folder's own name and the one above are none. */
const WORD = String.raw`(?!\.{1,2}(?:[/:]|$))[\w.-]+`;

const HUB_NAME = new RegExp(
  `^(?:hf|huggingface):(?://)?(?<repository>(?:${WORD}/)?${WORD})(?:/(?<file>${WORD}(?:/${WORD})*))?` +
    `(?::(?<quantization>${WORD}))?$`,
  "i",
);

const OLLAMA_NAME = new RegExp(
  `^ollama:(?://)?(?<path>${WORD}(?:/${WORD}){0,2})(?::(?<tag>${WORD}))?$`,
  "i",
);

/**
 * The path of a model by its name on a hub or in a registry, in the caches of this machine. Nothing
 * is downloaded.
 *
 * @throws BrainjarError `model-not-found` with the command that would fetch it and where it was
 *   looked for, `model-ambiguous` with the names of those that are there, `invalid-model-name`
 */
export function findInCaches(given: string, options: LocateOptions = {}): string {
  const places: CachePlaces = {
    environment: options.environment ?? processEnvironment,
    root: options.root ?? "",
  };
  const hub = HUB_NAME.exec(given)?.groups;
  if (hub !== undefined) {
    const { repository = "", file, quantization } = hub;
    return findInHubCaches({ given, repository, file, quantization }, places);
  }
  const ollama = OLLAMA_NAME.exec(given)?.groups;
  if (ollama !== undefined) {
    return findInOllama({ given, path: ollama.path ?? "", tag: ollama.tag }, places);
  }
  const isHub = !/^ollama/i.test(given);
  throw new BrainjarError("invalid-model-name", `Model can't be named "${given}"`, {
    hint: isHub
      ? "Write hf:ORG/REPO, hf:ORG/REPO:QUANT or hf:ORG/REPO/FILE.gguf"
      : "Write ollama:NAME or ollama:NAME:TAG",
  });
}
