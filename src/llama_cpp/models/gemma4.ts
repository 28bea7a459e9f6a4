import { attentionCache, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder } from "../graph/builder.ts";
import { I32, type Tensor } from "../ggml/tensor.ts";
import { begin, end } from "../graph/transformer.ts";

/** Embeddings of each layer's own, by token (src/models/gemma4.cpp, `build_inp_per_layer`). */
export function perLayerInputs(b: Builder, x: Tensor): Tensor | undefined {
  const { graph, tokens } = b;
  const table = b.weight("per_layer_token_embd");
  if (table === undefined) return undefined;
  const { layerCount } = b.hyperparameters;
  const width = table.n0 / layerCount;
  const ids = graph.input(I32, [tokens]);
  const byToken = graph.reshape(graph.getRows(table, ids), width, layerCount, tokens);
  const scaled = graph.expand(graph.map(byToken));
  const projected = b.heads("per_layer_model_proj", x, width, layerCount);
  const sum = graph.add(graph.rmsNorm(projected), scaled);
  return graph.contiguous(graph.permute(sum, [0, 2, 1, 3]));
}

/** One layer's part of a tensor whose third dimension is the layers. */
export function slice(b: Builder, x: Tensor): Tensor {
  return b.graph.view(x, [x.n0, x.n1]);
}

/** Queries of every layer; keys and values of those that own a cache. */
export function gemmaAttention(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, queries, keyValues } = headsOf(b, layer);
  const heads = (y: Tensor, count: number) => graph.reshape(y, keyLength, count, tokens);
  const q = b.rope(graph.rmsNorm(heads(b.multiply(`${prefix}q`, x), queries)));
  if (layer >= b.hyperparameters.cachedLayerCount) return attention(b, layer, { q });
  const keys = b.multiply(`${prefix}k`, x);
  const values = b.has(`${prefix}v`) ? b.multiply(`${prefix}v`, x) : keys;
  const k = b.rope(graph.rmsNorm(heads(keys, keyValues)));
  const v = graph.rmsNorm(heads(values, keyValues));
  return attention(b, layer, { q, k, v });
}

/** A dense feed-forward beside the experts. */
function gemma4Feed(b: Builder, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  if (!b.has(`blk.${layer}.ffn_gate_inp`)) {
    return feedForward(b, layer, graph.rmsNorm(x), "gated");
  }
  const dense = graph.rmsNorm(feedForward(b, layer, graph.rmsNorm(x), "gated"));
  const input = graph.rmsNorm(x);
  const logits = b.multiply(`blk.${layer}.ffn_gate_inp`, graph.rmsNorm(x));
  const routed = mixtureOfExperts(b, layer, input, { scale: 1, logits });
  return graph.add(dense, graph.rmsNorm(routed));
}

/** src/models/gemma4.cpp */
function buildGemma4(b: Builder): void {
  const { graph } = b;
  let x = begin(b, {});
  const perLayer = perLayerInputs(b, x);
  for (const layer of b.layers()) {
    const attended = graph.rmsNorm(gemmaAttention(b, layer, graph.rmsNorm(x)));
    const middle = graph.add(attended, x);
    x = graph.add(graph.rmsNorm(gemma4Feed(b, layer, middle)), middle);
    if (perLayer !== undefined) {
      const gate = b.multiply(`blk.${layer}.inp_gate`, x);
      const gated = b.multiply(`blk.${layer}.proj`, graph.multiply(gate, slice(b, perLayer)));
      x = graph.add(x, graph.rmsNorm(gated));
    }
  }
  end(b, { lateOutputs: "after-norm" }, x);
}

export const ARCHITECTURES: Family = family({
  "gemma4": attentionCache("models/gemma4.cpp", {
    graph: buildGemma4,
    slidingWindow: { pattern: "layers" },
    ownCaches: "less-shared",
    scalesExperts: true,
  }),
  "gemma4-assistant": attentionCache("models/gemma4-assistant.cpp", {
    purpose: "draft",
    slidingWindow: { pattern: "all-layers" },
    inputsOutputWidth: true,
  }),
});
