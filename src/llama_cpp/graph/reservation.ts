import { GGML_TYPES, type KvCacheType } from "../ggml/types.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";

/** What llama.cpp plans its largest batch with (llama-context.cpp, `sched_reserve`). */
export interface Reservation {
  /** Tokens of the graph, a multiple of the sequences. */
  readonly tokens: number;
  readonly sequences: number;
  /** Tokens whose logits are computed. */
  readonly outputs: number;
  /** Cells of the cache, for each sequence. */
  readonly cells: number;
  /** Cells of the layers with a sliding window, for each sequence. */
  readonly slidingCells: number;
  readonly flashAttention: boolean;
  /** ggml's number of the cache types. */
  readonly keyType: number;
  readonly valueType: number;
}

function pad256(cells: number): number {
  return Math.ceil(cells / 256) * 256;
}

const TYPE_NUMBERS = new Map<string, number>();
for (const [number, type] of GGML_TYPES) TYPE_NUMBERS.set(type.name, number);

function typeNumber(name: KvCacheType): number {
  return TYPE_NUMBERS.get(name) ?? 0;
}

/**
 * Tokens that node-llama-cpp gives llama.cpp as batch: at least one for each sequence, and one
 * more where a window slides (its GgufInsights.js, `_simulateContextResourceUsage` and `swaSize`).
 */
export function engineBatchSize(
  options: FootprintOptions,
  headerSlidingWindow: number,
  trainContextLength: number,
): number {
  const slides = headerSlidingWindow > 0 &&
    !(trainContextLength > 0 && headerSlidingWindow >= trainContextLength);
  return Math.max(options.batchSize, options.sequences) + (slides ? 1 : 0);
}

/** The batch and the cache that the graph is planned for. */
export function makeReservation(
  hyperparameters: Hyperparameters,
  options: FootprintOptions,
  headerSlidingWindow: number,
): Reservation {
  const sequences = Math.max(1, options.sequences);
  const cells = pad256(options.contextSize);
  const context = cells * sequences;
  const batch = engineBatchSize(options, headerSlidingWindow, hyperparameters.trainContextLength);
  const microBatch = hyperparameters.causal ? Math.min(context, batch) : batch;
  const planned = Math.min(context, microBatch);
  const slidingCells = pad256(Math.min(cells, hyperparameters.slidingWindow + microBatch));
  return {
    tokens: Math.ceil(planned / sequences) * sequences,
    sequences,
    outputs: Math.min(planned, microBatch),
    cells,
    slidingCells,
    // llama-context.cpp, `llama_init_from_model`
    flashAttention: options.flashAttention && hyperparameters.architecture !== "grok",
    keyType: typeNumber(options.kvCacheKeyType),
    valueType: typeNumber(options.kvCacheValueType),
  };
}
