/** The demo brain inside brainjar: a real file beside the program, also when it is compiled. */
export function demoBrainPath(): string {
  return resolveModel(`${import.meta.dirname}/../../fixtures/demo-brain.gguf`);
}

/**
 * A model's path with links resolved, so that two names of one file share its weights. URLs and
 * paths that don't lead anywhere stay as they are: reading them says what is wrong.
 */
export function resolveModel(model: string): string {
  if (/^https?:/i.test(model)) return model;
  try {
    return Deno.realPathSync(model);
  } catch {
    return model;
  }
}
