import { BrainjarError } from "../budget/error.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { CELL_PADDING } from "../llama_cpp/memory/context_sizes.ts";
import { ArchitectureKeys } from "../llama_cpp/hyperparameters/architecture_keys.ts";
import { readArchitecture } from "../llama_cpp/hyperparameters/header_shape.ts";

/** Tokens of context where nobody says how many (src/budget/README.md, "The run"). */
const DEFAULT_CONTEXT_SIZE = 4096;

/** The model's training length, or the default where the header has none. */
function trainedContext(header: GgufHeader): number {
  const length = new ArchitectureKeys(header.metadata, readArchitecture(header))
    .number("context_length");
  return length || DEFAULT_CONTEXT_SIZE;
}

/** Tokens of context where neither a size nor a limit is given: 4096, or what it was trained on. */
export function defaultContextSize(header: GgufHeader): number {
  return Math.min(DEFAULT_CONTEXT_SIZE, trainedContext(header));
}

/**
 * Throws a BrainjarError of code `context-too-long` where a model has learned a place for each
 * position (models/gpt2.cpp and others) and the context is longer: llama.cpp warns, and ends the
 * process at the first token beyond.
 */
export function checkPositions(header: GgufHeader, contextSize: number): void {
  const positions = header.tensors.find(({ name }) => name === "position_embd.weight")
    ?.dimensions[1];
  if (positions === undefined || contextSize <= positions) return;
  throw new BrainjarError(
    "context-too-long",
    `A context of ${contextSize} tokens is longer than the ${positions} positions that this model knows`,
    { hint: `Use --context-size ${positions} or less` },
  );
}

/**
 * The largest context that fits by any word on it, in multiples of 256 tokens up to the model's
 * training length; the smallest where none does. Larger ones don't fit where smaller ones don't.
 *
 * @returns tokens for each sequence
 */
export async function largestContext(
  header: GgufHeader,
  atMost: number,
  fits: (contextSize: number) => boolean | Promise<boolean>,
): Promise<number> {
  const most = Math.max(1, Math.min(trainedContext(header), atMost));
  const sizeOf = (steps: number) => Math.min(most, steps * CELL_PADDING);
  let low = 1;
  let high = Math.ceil(most / CELL_PADDING);
  if (await fits(sizeOf(high))) return sizeOf(high);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(sizeOf(middle))) low = middle;
    else high = middle;
  }
  return sizeOf(low);
}
