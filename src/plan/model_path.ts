import { BrainjarError } from "../budget/error.ts";
import { shownUrl } from "../gguf/sources/url.ts";

/** The demo brain inside brainjar: a real file beside the program, also when it is compiled. */
export function demoBrainPath(): string {
  return resolveModel(`${import.meta.dirname}/../../fixtures/demo-brain.gguf`);
}

/**
 * A model's path with links resolved, so that two names of one file share its weights. URLs and
 * paths that don't lead anywhere stay as they are: reading them says what is wrong.
 */
export function resolveModel(model: string): string {
  if (isUrl(model)) return model;
  try {
    return Deno.realPathSync(model);
  } catch {
    return model;
  }
}

/** For what the engine itself reads: it takes files only. */
export function rejectUrl(model: string): void {
  if (!isUrl(model)) return;
  throw new BrainjarError("model-not-local", `Model is a URL: "${shownUrl(model)}"`, {
    hint: "Download it first: only check and estimate by the header read URLs",
  });
}

/** Whether a model comes from the network. */
export function isUrl(model: string): boolean {
  return /^https?:/i.test(model);
}
