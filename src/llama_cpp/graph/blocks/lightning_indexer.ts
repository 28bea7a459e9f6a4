import type { Builder } from "../builder.ts";
import { I32, type Tensor } from "../../ggml/tensor.ts";

/** The weights of the indexer's heads, each sequence's apart. */
export function weightsBySequence(b: Builder, weights: Tensor): Tensor {
  const { sequences } = b.plan;
  return b.graph.view(weights, [weights.n0, weights.n1 / sequences, 1, sequences], weights.s1);
}

/** What an indexer scores. */
export interface IndexedKeys {
  readonly q: Tensor;
  readonly keys: Tensor;
  /** As `weightsBySequence` gives them. */
  readonly weights: Tensor;
  readonly mask: Tensor;
}

/**
 * The keys that each token may look at: those with the best scores (`ggml_lightning_indexer`, then
 * `ggml_top_k`).
 */
export function chooseKeys(b: Builder, { q, keys, weights, mask }: IndexedKeys): Tensor {
  const { graph } = b;
  const { sequences } = b.plan;
  const cells = mask.n0;
  const each = q.n2 / sequences;
  const queries = graph.view(q, [q.n0, q.n1, each, sequences], q.s1, q.s2, q.s3 / sequences);
  const scores = graph.fresh([queries, keys, weights, mask], [cells, each, 1, sequences]);
  const count = Math.min(cells, b.hyperparameters.indexer.topK);
  return graph.contiguous(graph.fresh([scores], [count, each, 1, sequences], I32));
}
