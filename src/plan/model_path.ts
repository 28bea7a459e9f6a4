import { BrainjarError } from "../budget/error.ts";
import { shownUrl } from "../gguf/sources/url.ts";

/** The demo brain inside brainjar: a real file beside the program, also when it is compiled. */
export function demoBrainPath(): string {
  return resolveLinks(`${import.meta.dirname}/../../fixtures/demo-brain.gguf`);
}

/** A path with links resolved; one that doesn't lead anywhere stays as it is. */
export function resolveLinks(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** For what the engine itself reads: it takes files only. */
export function rejectUrl(model: string): void {
  if (!isUrl(model)) return;
  throw new BrainjarError("model-not-local", `Model is a URL: "${shownUrl(model)}"`, {
    hint: `${downloadHint(model)}: only check and estimate by the header read URLs`,
  });
}

/** How a file on the hub becomes one of this machine, by its URL. */
function downloadHint(url: string): string {
  const [, repository, file] =
    /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)\/(?:resolve|blob)\/[^/]+\/([\w./-]+)(?:\?|$)/
      .exec(url) ?? [];
  return repository === undefined
    ? "Download it first"
    : `Download it first with hf download ${repository} ${file}, and give hf:${repository}/${file}`;
}

/** Whether a model comes from the network. */
export function isUrl(model: string): boolean {
  return /^https?:/i.test(model);
}
