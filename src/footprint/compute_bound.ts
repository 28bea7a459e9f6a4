import type { ContextSizes } from "../llama_cpp/memory/context_sizes.ts";
import type { Hyperparameters } from "../llama_cpp/hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";

const ELEMENT_BYTES = 4;

/** Copies of the widest activation that a graph may hold at once; graphs of known ones hold fewer. */
const WIDEST_COPIES = 8;

/** Tokens that a recurrent scan looks at together, each beside each. */
const CHUNK = 64;

/**
 * Bytes above a compute buffer whose graph isn't known: the attention scores of every head, the
 * mask, the logits of every token and several copies of the widest activation, all at once.
 */
export function computeBound(
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
): number {
  const heads = shape.headCounts.reduce((most, count) => Math.max(most, count), 0);
  const feedForward = shape.feedForwardLengths.reduce((most, one) => Math.max(most, one), 0);
  const expert = shape.experts.feedForwardLengths.reduce((most, one) => Math.max(most, one), 0);
  const used = shape.experts.usedCounts.reduce((most, count) => Math.max(most, count), 0);
  const widest = Math.max(
    shape.embeddingLength,
    feedForward,
    (expert + shape.embeddingLength) * used,
    heads * Math.max(shape.keyLength, shape.valueLength),
    2 * shape.stateSpace.innerSize + 2 * shape.stateSpace.groupCount * shape.stateSpace.stateSize,
    shape.embeddingLength * shape.hyperConnectionCount,
    shape.stateSpace.timeStepRank * CHUNK,
  );
  const indexer = 2 * shape.indexer.headCount;
  const attention = options.flashAttention && indexer === 0 ? 2 : heads * 2 + 2;
  const scores = attention + indexer;
  return ELEMENT_BYTES * sizes.batch *
    (sizes.cells * scores + shape.vocabularySize + WIDEST_COPIES * widest);
}
