import type { GgufHeader } from "../../gguf/header.ts";
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
function seesSlidingWindow(header: GgufHeader, shape: Hyperparameters): boolean {
  const window = header.metadata.get(`${shape.architecture}.attention.sliding_window`);
  return typeof window === "number" && window > 0 &&
    !(shape.trainContextLength > 0 && window >= shape.trainContextLength);
}

/**
 * Sizes of a context as node-llama-cpp makes it (LlamaContext.js, AddonContext.cpp) and
 * llama.cpp rounds it (llama-context.cpp, llama-kv-cache-iswa.cpp): cells to multiples of 256, a
 * batch of at least a token a sequence, one more where a window slides.
 *
 * @returns cells and tokens
 */
export function contextSizes(
  header: GgufHeader,
  shape: Hyperparameters,
  options: FootprintOptions,
): ContextSizes {
  const cells = padTo(Math.max(1, options.contextSize), CELL_PADDING);
  const asked = Math.max(options.batchSize, options.sequences) +
    (seesSlidingWindow(header, shape) ? 1 : 0);
  const batch = shape.causal ? Math.min(cells * options.sequences, asked) : asked;
  return {
    cells,
    windowCells: padTo(Math.min(cells, shape.slidingWindow + batch), CELL_PADDING),
    streams: options.sequences,
    batch,
  };
}
