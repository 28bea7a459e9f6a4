import { F16, F32 } from "../ggml/tensor.ts";
import { cacheType } from "../ggml/types.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { contextSizes, usesFlashAttention } from "../memory/context_sizes.ts";
import type { FootprintOptions } from "../options.ts";

/** What llama.cpp plans its largest batch with (llama-context.cpp, `sched_reserve`). */
export interface PlannedBatch {
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
  /** ggml's number of the type of masks: flash attention reads halves. */
  readonly maskType: number;
  /** ggml's number of the cache types. */
  readonly keyType: number;
  readonly valueType: number;
  /**
   * Operations of many steps that llama.cpp gave up for those steps, by ggml's name: those that ran
   * on another device than their layer in a trial (llama-context.cpp, `resolve_fused_ops`).
   */
  readonly unfused?: ReadonlySet<FusedOperation>;
}

/** Operations that llama.cpp tries out first. */
export const FUSED_OPERATIONS = ["DSV4_HC_PRE", "DSV4_HC_COMB", "DSV4_HC_POST"] as const;

/** An operation that llama.cpp tries out first. */
export type FusedOperation = (typeof FUSED_OPERATIONS)[number];

/** The batch and the cache that the graph is planned for. */
export function planBatch(shape: Hyperparameters, options: FootprintOptions): PlannedBatch {
  const { cells, windowCells, streams, batch } = contextSizes(shape, options);
  const flashAttention = usesFlashAttention(shape, options);
  const outputs = Math.min(cells * streams, batch);
  return {
    tokens: Math.ceil(outputs / streams) * streams,
    sequences: streams,
    outputs,
    cells,
    slidingCells: windowCells,
    flashAttention,
    maskType: flashAttention ? F16 : F32,
    keyType: cacheType(options.kvCacheKeyType).number,
    valueType: cacheType(options.kvCacheValueType).number,
  };
}
