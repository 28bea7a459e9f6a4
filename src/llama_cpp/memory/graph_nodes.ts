import type { GgufHeader } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";

/** What most architectures have places for. */
const USUAL = { least: 1024, perTensor: 8 };

/**
 * Nodes that llama.cpp keeps places for in each graph of a context, used or not
 * (llama-context.cpp, `graph_max_nodes`).
 *
 * @param batch tokens that pass the graph at once
 */
export function maxGraphNodes(
  { rules }: Hyperparameters,
  { tensors }: GgufHeader,
  batch: number,
): number {
  const { graphNodes } = rules;
  return graphNodes === undefined
    ? Math.max(USUAL.least, USUAL.perTensor * tensors.length)
    : Math.max(graphNodes.perBatchToken * batch, graphNodes.perTensor * tensors.length);
}
