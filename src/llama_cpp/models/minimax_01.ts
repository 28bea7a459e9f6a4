import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { attentionAndState, type Family, family } from "./architecture.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import {
  bySequence,
  readState,
  sequenceTokens,
  stateOf,
  storeState,
} from "../graph/blocks/recurrent.ts";
import {
  embedding,
  experts,
  type Loads,
  norm,
  outputOrTied,
  queryKeyValue,
  router,
} from "../loading/blocks.ts";
import { demandRotation } from "../loading/graph_demands.ts";
import { OPTIONAL } from "../loading/loader.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { Builder } from "../graph/builder.ts";
import { F32, type Tensor } from "../ggml/tensor.ts";
import { attend, begin, end, keepOutputs, type TransformerRow } from "../graph/transformer.ts";

/** Inputs that say how fast each head forgets (src/models/minimax-01.cpp, `llm_graph_input_la`). */
function decayInputs(b: Builder) {
  const { graph, plan } = b;
  const heads = b.hyperparameters.headCounts[0] ?? 0;
  const tokens = sequenceTokens(b);
  return {
    slopes: graph.input(F32, [heads]),
    query: graph.input(F32, [1, heads, tokens, plan.sequences]),
    key: graph.input(F32, [1, heads, tokens, plan.sequences]),
    diagonal: graph.input(F32, [tokens, tokens, heads, plan.sequences]),
  };
}

type Decays = ReturnType<typeof decayInputs>;

/** Linear attention ("lightning attention") of one layer. */
function linearAttention(b: Builder, layer: number, input: Tensor, decays: Decays): Tensor {
  const { graph, plan } = b;
  const prefix = `blk.${layer}.`;
  const { headCounts, valueLength: length } = b.hyperparameters;
  const heads = headCounts[0] ?? 0;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  // There is no convolution, but its empty state is read all the same.
  readState(b, stateOf(b, layer, 0));
  const x = graph.reshape(input, input.n0, tokens, 1, sequences);
  const projected = graph.unary("SILU", b.multiplyMatrix(`${prefix}attn_qkv`, x));
  const all = bySequence(b, projected, length * 3, heads);
  const fade = (input: Tensor) => graph.unary("EXP", graph.scale(input));
  const part = () => graph.view(all, [length, heads, tokens, sequences], all.s1, all.s2, all.s3);
  const [q, k, v] = [part(), part(), part()];
  const state = stateOf(b, layer, length * length * heads);
  const previous = graph.reshape(readState(b, state), length, length, heads, sequences);
  const scaled = graph.multiply(q, fade(decays.query));
  const fromState = graph.multiplyMatrix(previous, graph.permute(scaled, [0, 2, 1, 3]));
  const byHead = (y: Tensor) => graph.permute(y, [0, 2, 1, 3]);
  const scores = graph.multiplyMatrix(byHead(k), byHead(q));
  const values = graph.contiguous(graph.permute(v, [1, 2, 0, 3]));
  const fading = graph.multiply(scores, fade(decays.diagonal));
  const fromBatch = graph.multiplyMatrix(values, fading);
  const sum = graph.expand(graph.add(fromState, fromBatch));
  const block = graph.reshape(fade(graph.scale(decays.slopes)), 1, 1, heads);
  const kept = graph.multiply(previous, block);
  const faded = graph.multiply(k, fade(decays.key));
  const keys = graph.contiguous(graph.permute(faded, [1, 2, 0, 3]));
  storeState(b, state, graph.add(kept, graph.multiplyMatrix(keys, values)));
  let y = graph.contiguous(graph.permute(sum, [0, 2, 1, 3]));
  y = graph.reshape(y, y.n0 * y.n1, y.n2, 1, y.n3);
  y = b.norm(y, "rms", `${prefix}attn_norm_2`);
  const gate = graph.unary("SIGMOID", b.multiplyMatrix(`${prefix}attn_gate`, x));
  y = b.multiplyMatrix(`${prefix}attn_output`, graph.multiply(gate, y));
  return graph.reshape(y, y.n0, tokens * sequences);
}

/** src/models/minimax-01.cpp */
function buildMiniMax01(b: Builder): void {
  const { graph } = b;
  const row: TransformerRow = {};
  const { recurrentLayers } = b.hyperparameters;
  let x = begin(b, row);
  const decays = decayInputs(b);
  for (const layer of b.layers()) {
    const normed = b.norm(x, "rms", `blk.${layer}.attn_norm`);
    const mixed = recurrentLayers[layer]
      ? linearAttention(b, layer, normed, decays)
      : attend(b, row, layer, normed);
    // The residual is the norm's result, scaled, so it may need a copy.
    const [y, residual] = keepOutputs(b, layer, [mixed, normed]);
    const sum = graph.add(y, graph.scale(residual));
    const middle = b.norm(sum, "rms", `blk.${layer}.ffn_norm`);
    x = graph.add(mixtureOfExperts(b, layer, middle), graph.scale(middle));
  }
  end(b, row, x);
}

const miniMax01: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("residual_scale");
  if (!l.mayLayerKey("attention.recurrent_layers")) l.mayKey("full_attention_interval");
  demandRotation(l);
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  const queries = l.queries();
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (l.hyperparameters.recurrentLayers[layer.index]) {
      norm(layer, "attn_norm_2", queries);
      layer.need("attn_qkv.weight", width, 3 * queries);
      layer.need("attn_gate.weight", width, queries);
    } else {
      queryKeyValue(layer);
    }
    layer.need("attn_output.weight", queries, width);
    norm(layer, "ffn_norm");
    router(layer);
    experts(layer, { size: l.feedForward(), gate: OPTIONAL });
  }
};

/**
 * Its graph is planned once more for one sequence, whatever the context has (llama-context.cpp,
 * `sched_reserve`). Attention still cuts the batch into equal parts, and what is left over is
 * missed by the residual; on the last layer only tokens that are output are added.
 */
function attendsBeforeLast({ recurrentLayers, layerCount }: Hyperparameters): boolean {
  return recurrentLayers.slice(0, layerCount - 1).includes(false);
}

export const ARCHITECTURES: Family = family({
  "minimax-01": attentionAndState("models/minimax-01.cpp", {
    graphNodes: MANY_GRAPH_NODES,
    graph: buildMiniMax01,
    loads: miniMax01,
    needsEvenBatches: attendsBeforeLast,
    recurrentLayers: { interval: 8 },
    cachedLayers: "text",
    state: "linear-attention",
  }),
});
