import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";

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
