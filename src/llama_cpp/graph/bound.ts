import type { Model } from "./model.ts";
import type { PlannedBatch } from "./planned_batch.ts";

/**
 * How often everything that the widest layer computes is counted: once as result, and twice for
 * what norms, gates, copies and repeated heads may make of it.
 */
const COPIES = 3;

/** Rows of one layer's matrices for one token; the matrices of experts count for those used. */
function layerRows(model: Model): number {
  const { experts } = model.hyperparameters;
  const used = Math.max(1, ...experts.usedCounts);
  const rows = new Map<string, number>();
  for (const { name, dimensions } of model.header.tensors) {
    const layer = /^(?:[a-z]+\.)?blk\.(\d+)\./.exec(name)?.[1];
    if (layer === undefined || dimensions.length < 2) continue;
    const isExpert = dimensions.length > 2 && (dimensions[2] ?? 1) === experts.count;
    const copies = isExpert ? used : dimensions[2] ?? 1;
    const both = (dimensions[0] ?? 0) + (dimensions[1] ?? 0) * copies;
    rows.set(layer, (rows.get(layer) ?? 0) + both);
  }
  return Math.max(0, ...rows.values());
}

/**
 * A size that llama.cpp's compute buffer stays below, for architectures without a builder: all
 * that the widest layer computes at once, beside two sets of attention scores, the masks, the
 * indices of the cache, and twice the logits.
 */
export function upperBound(model: Model, plan: PlannedBatch): number {
  const { hyperparameters } = model;
  const { vocabularySize, embeddingLength, headCounts, keyValueHeadCounts, valueLengths } =
    hyperparameters;
  const float = 4;
  const streams = Math.max(1, hyperparameters.hyperConnectionCount);
  const inputWidth = Math.max(embeddingLength, hyperparameters.inputEmbeddingLength);
  const perToken = COPIES * layerRows(model) + 8 * streams * embeddingLength + 2 * inputWidth;
  const heads = Math.max(1, ...headCounts);
  const { headCount: indexerHeads, keyLength: indexerLength } = hyperparameters.indexer;
  // Scores with a bias by distance are computed one by one, and their decoder looks at the
  // encoder's whole text as well.
  const biased = model.header.tensors.some(({ name }) => name.includes("attn_rel_b"));
  // Encoders look at the batch alone, whatever the cache.
  const columns = hyperparameters.rules.memory === "none" ? plan.tokens : Math.max(
    plan.cells,
    plan.tokens,
    biased ? hyperparameters.trainContextLength : 0,
  );
  const perSequence = plan.tokens / plan.sequences;
  const scores = columns * perSequence * plan.sequences * float;
  const attention =
    scores * ((plan.flashAttention && !biased ? 6 : 2 * heads + 6) + 2 * indexerHeads) +
    COPIES * indexerLength * columns * plan.sequences * float;
  const values = Math.max(
    0,
    ...keyValueHeadCounts.map((n, index) => n * (valueLengths[index] ?? 0)),
  );
  const indices = plan.tokens * (values + 8) * 8;
  // The encoder's text, its keys and its values, once more as half floats.
  const encoded = biased
    ? hyperparameters.trainContextLength * (inputWidth + COPIES * values) * float
    : 0;
  const logits = 2 * vocabularySize * plan.outputs * float;
  const states = COPIES * plan.sequences * recurrentState(model) * float;
  return perToken * plan.tokens * float + attention + indices + encoded + logits + states +
    (1 << 20);
}

/** Elements of one sequence's state on one layer. */
function recurrentState(model: Model): number {
  const { stateSpace, wkv, embeddingLength, deltaHeadLength, headCounts } = model.hyperparameters;
  return stateSpace.stateSize * stateSpace.innerSize + embeddingLength * wkv.headSize +
    deltaHeadLength * deltaHeadLength * Math.max(0, ...headCounts) +
    8 * (stateSpace.innerSize + embeddingLength);
}
