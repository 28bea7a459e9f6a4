import type { Builder } from "../builder.ts";
import { F32, type Tensor } from "../../ggml/tensor.ts";

/**
 * A mask that lets each token look at its chosen keys only (llama-graph.cpp, `build_attn` with
 * `llm_graph_input_attn_k_dsa`): everything closed, the chosen opened, the plain mask on top.
 */
export function unmaskChosen(b: Builder, mask: Tensor, chosen: Tensor, type = F32): Tensor {
  const { graph } = b;
  const filled = graph.map(mask);
  const rows = graph.view(filled, [1, mask.n0, mask.n1, mask.n3]);
  const picks = graph.view(chosen, [chosen.n0, chosen.n1, chosen.n3, 1]);
  const zeros = graph.map(graph.constant(type, [1, chosen.n0, chosen.n1, chosen.n3]));
  const opened = graph.setRows(rows, zeros, picks);
  return graph.add(graph.view(opened, [mask.n0, mask.n1, 1, mask.n3]), mask);
}
