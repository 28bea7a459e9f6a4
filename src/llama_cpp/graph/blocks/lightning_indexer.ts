import type { Builder } from "../builder.ts";
import { F32, type Tensor } from "../../ggml/tensor.ts";

/** The weights of the indexer's heads, each sequence's apart. */
export function weightsBySequence(b: Builder, weights: Tensor): Tensor {
  const { sequences } = b.plan;
  return b.graph.view(weights, [weights.n0, weights.n1 / sequences, 1, sequences], weights.s1);
}

/** What an indexer scores. */
interface IndexedKeys {
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
  const scores = graph.make("LIGHTNING_INDEXER", [queries, keys, weights, mask], [
    cells,
    each,
    1,
    sequences,
  ]);
  const count = Math.min(cells, b.hyperparameters.indexer.topK);
  return graph.contiguous(graph.top(scores, count));
}

/**
 * A mask that lets each token look at its chosen keys only (llama-graph.cpp, `build_attn` with
 * `llm_graph_input_attn_k_dsa`): everything closed, the chosen opened, the plain mask on top.
 */
export function unmaskChosen(b: Builder, mask: Tensor, chosen: Tensor, type = F32): Tensor {
  const { graph } = b;
  const filled = graph.fill(mask);
  const rows = graph.view(filled, [1, mask.n0, mask.n1, mask.n3]);
  const picks = graph.view(chosen, [chosen.n0, chosen.n1, chosen.n3, 1]);
  const zeros = graph.fill(graph.leaf(type, [1, chosen.n0, chosen.n1, chosen.n3]));
  const opened = graph.setRows(rows, zeros, picks);
  return graph.add(graph.view(opened, [mask.n0, mask.n1, 1, mask.n3]), mask);
}
