import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { padTo } from "../ggml/tensor_bytes.ts";

/** llama.cpp makes contexts of multiples of this many cells (llama-context.cpp). */
export const CELL_PADDING = 256;

/** What node-llama-cpp asks of llama.cpp for some options, and what llama.cpp makes of it. */
export interface ContextSizes {
  /** Cells of each sequence. */
  readonly cells: number;
  /** Cells of each sequence on sliding-window layers. */
  readonly windowCells: number;
  /** Sequences; each has its own cells (`kv_unified` is off). */
  readonly streams: number;
  /** Tokens that pass the graph at once (`n_ubatch`). */
  readonly batch: number;
}

/** Whether node-llama-cpp sees a sliding window (its GgufInsights, `swaSize`). */
function seesSlidingWindow(
  { declaredSlidingWindow, trainContextLength }: Hyperparameters,
): boolean {
  return declaredSlidingWindow > 0 &&
    !(trainContextLength > 0 && declaredSlidingWindow >= trainContextLength);
}

/** What was asked for, unless llama.cpp turns it off (llama-context.cpp, `llama_init_from_model`). */
export function usesFlashAttention(shape: Hyperparameters, options: FootprintOptions): boolean {
  return options.flashAttention && !shape.rules.noFlashAttention;
}

/**
 * Sizes of a context as node-llama-cpp makes it (LlamaContext.js, AddonContext.cpp) and
 * llama.cpp rounds it (llama-context.cpp, llama-kv-cache-iswa.cpp): cells to multiples of 256, a
 * batch of at least a token a sequence, one more where a window slides.
 *
 * @returns cells and tokens
 */
export function contextSizes(shape: Hyperparameters, options: FootprintOptions): ContextSizes {
  const cells = padTo(Math.max(1, options.contextSize), CELL_PADDING);
  const streams = Math.max(1, options.sequences);
  const asked = Math.max(options.batchSize, streams) + (seesSlidingWindow(shape) ? 1 : 0);
  const batch = shape.causal ? Math.min(cells * streams, asked) : asked;
  return {
    cells,
    windowCells: padTo(Math.min(cells, shape.slidingWindow + batch), CELL_PADDING),
    streams,
    batch,
  };
}

/**
 * Bytes of the buffer that logits are handed out in (llama-context.cpp, `output_reserve`): one
 * row of the vocabulary in F32 for each sequence, for some with an embedding beside it.
 *
 * The dry load doesn't count it (llama-context.cpp, `memory_breakdown`); it is memory all the
 * same.
 */
export function outputBytes(shape: Hyperparameters, options: FootprintOptions): number {
  const embedding = shape.rules.outputsEmbedding ? shape.outputEmbeddingLength : 0;
  return (shape.vocabularySize + embedding) * options.sequences * 4;
}
