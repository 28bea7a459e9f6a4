import type { Criterion } from "../budget/demand.ts";
import type { GgufHeader } from "../gguf/header.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { calibrate } from "./calibrate.ts";
import { largestContext } from "./context_size.ts";
import { footprintEstimator } from "./estimate.ts";

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
