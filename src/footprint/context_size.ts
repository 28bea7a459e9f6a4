import { BrainjarError } from "../budget/error.ts";
import type { Criterion } from "../budget/demand.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { calibrate } from "./calibrate.ts";
import { CELL_PADDING } from "../llama_cpp/memory/context_sizes.ts";
import { footprintEstimator } from "./estimate.ts";
import { ArchitectureKeys } from "../llama_cpp/hyperparameters/architecture_keys.ts";
import { readArchitecture } from "../llama_cpp/hyperparameters/header_shape.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";

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

/** What a context may take. */
export interface ContextLimit {
  /** Bytes that the footprint must fit. */
  readonly bytes: number;
  /** Which figure must fit: the working set or the floor. */
  readonly criterion: Criterion;
  /** Most tokens; absent: the model's training length. */
  readonly contextSize?: number;
  /** What was measured of this model, as `calibrate` takes it. */
  readonly ratio?: number;
}

/**
 * The largest context whose footprint fits a limit, in multiples of 256 tokens up to the model's
 * training length (src/budget/README.md, "The run"); the smallest where none fits.
 *
 * @returns tokens for each sequence
 */
export async function largestContextThatFits(
  header: GgufHeader,
  options: FootprintOptions,
  cpu: CpuFeatures,
  { bytes, criterion, contextSize = Infinity, ratio = 1 }: ContextLimit,
): Promise<number> {
  const estimate = await footprintEstimator(header, cpu);
  return await largestContext(header, contextSize, async (contextSize) => {
    const { jar } = calibrate(await estimate({ ...options, contextSize }), ratio);
    return (criterion === "floor" ? jar.floorBytes : jar.workingSetBytes) <= bytes;
  });
}

/** The same by any word on whether a context fits, which larger ones don't where smaller ones don't. */
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
