import { attention, headsOf } from "../graph/blocks/attention.ts";
import { mixtureOfExperts, SOFTMAX } from "../graph/blocks/experts.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import type { Builder, GraphBuilder } from "../graph/builder.ts";
import { F32, type Tensor } from "../ggml/tensor.ts";
import {
  attend,
  begin,
  buildTransformer,
  end,
  feed,
  gatingNumber,
  keepOutputs,
  type LayerBuilder,
  transformerLayer,
  type TransformerRow,
} from "./transformer.ts";

/** Attention and a dense feed-forward, experts beside both (src/models/arctic.cpp). */
const arctic: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const attended = attend(b, row, layer, b.norm(x, "rms"));
  const [y, residual] = keepOutputs(b, layer, [attended, x] as const);
  const middle = graph.add(y, residual);
  const dense = graph.add(feedForward(b, layer, b.norm(middle, "rms"), "gated"), middle);
  const routed = mixtureOfExperts(b, layer, b.norm(residual, "rms"), {
    gating: SOFTMAX,
    normalizes: true,
    scale: b.hyperparameters.experts.weightsScale,
  });
  return graph.add(routed, dense);
};

/** Norms before or after, as the header says (src/models/chameleon.cpp). */
const chameleon: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const swaps = b.model.flag("swin_norm");
  const { q, k, v } = chameleonHeads(b, layer, swaps ? x : b.norm(x, "rms"));
  let y = attention(b, layer, { q: b.rope(q), k: b.rope(k), v });
  let residual = x;
  if (swaps) y = b.norm(y, "rms");
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  const middle = graph.add(y, residual);
  y = feed(b, row, layer, swaps ? middle : b.norm(middle, "rms"));
  return graph.add(swaps ? b.norm(y, "rms") : y, middle);
};

/** Queries and keys have layer norms where everything else is RMS. */
function chameleonHeads(b: Builder, layer: number, x: Tensor) {
  const { graph } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, valueLength, queries, keyValues } = headsOf(b, layer);
  let q = graph.reshape(b.multiply(`${prefix}q`, x), keyLength, queries, b.tokens);
  let k = graph.reshape(b.multiply(`${prefix}k`, x), keyLength, keyValues, b.tokens);
  const v = graph.reshape(b.multiply(`${prefix}v`, x), valueLength, keyValues, b.tokens);
  if (b.has(`${prefix}q_norm`)) q = graph.norm(q);
  if (b.has(`${prefix}k_norm`)) k = graph.norm(k);
  return { q, k, v };
}

/** The logits of image tokens are overwritten in a copy of all logits. */
function buildChameleon(b: Builder): void {
  const { graph } = b;
  const imageTokens = 8192;
  b.afterLogits = (logits) => {
    return graph.like(logits, graph.map(graph.constant(F32, [imageTokens])));
  };
  buildTransformer(b, {}, chameleon);
}

/** Layers may lack attention, or its softmax, or the feed-forward (src/models/deci.cpp). */
const deci: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { headCounts, keyValueHeadCounts, feedForwardLengths } = b.hyperparameters;
  const heads = headCounts[layer] ?? 0;
  let y = heads === 0 ? x : b.norm(x, "rms");
  if (heads > 0) {
    y = keyValueHeadCounts[layer] === 0
      ? b.multiply(`blk.${layer}.attn_output`, y)
      : attend(b, row, layer, y);
  }
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  // llama.cpp passes the layer's input on where there is no feed-forward.
  if (feedForwardLengths[layer] === 0) return x;
  const middle = heads > 0 ? graph.add(y, residual) : y;
  return graph.add(feed(b, row, layer, b.norm(middle, "rms")), middle);
};

/** src/models/grok.cpp */
const grok: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  let y = attend(b, row, layer, b.norm(x, "rms"));
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  const middle = graph.add(b.norm(y, "rms"), residual);
  const normed = b.norm(middle, "rms");
  const routed = mixtureOfExperts(b, layer, normed, {
    gating: SOFTMAX,
    normalizes: true,
    scale: b.hyperparameters.experts.weightsScale,
  });
  const sum = b.has(`blk.${layer}.ffn_up`)
    ? graph.add(feedForward(b, layer, normed, "gated"), routed)
    : routed;
  return graph.add(b.norm(sum, "rms"), middle);
};

/** Two mixtures by one router, the second of chunks and on what the first gives (src/models/grovemoe.cpp). */
const groveMoe: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  let y = attend(b, row, layer, b.norm(x, "rms"));
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  const middle = graph.add(y, residual);
  const normed = b.norm(middle, "rms");
  const { count, usedCounts, perGroupCount, weightsScale } = b.hyperparameters.experts;
  const chunks = Math.floor(count / Math.max(1, perGroupCount));
  const used = usedCounts[layer] ?? 1;
  const shared = {
    gating: SOFTMAX,
    normalizes: true,
    scale: weightsScale,
    logits: b.multiply(`blk.${layer}.ffn_gate_inp`, normed),
    selectsBy: "sigmoid",
  } as const;
  const routed = mixtureOfExperts(b, layer, normed, shared);
  const chunked = mixtureOfExperts(b, layer, routed, {
    ...shared,
    count: chunks,
    used: Math.min(used, chunks),
    chunked: chunks !== count,
    names: { up: "ffn_up_chexps", gate: "ffn_gate_chexps", down: "ffn_down_chexps" },
  });
  return graph.add(graph.add(routed, chunked), middle);
};

/** The router sees the layer's input (src/models/smallthinker.cpp). */
const smallThinker: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  let logits = b.multiply(`blk.${layer}.ffn_gate_inp`, x);
  let y = attend(b, row, layer, b.norm(x, "rms"));
  let residual = x;
  [y, residual, logits] = keepOutputs(b, layer, [y, residual, logits] as const);
  const middle = graph.add(y, residual);
  const routed = mixtureOfExperts(b, layer, b.norm(middle, "rms"), {
    gating: gatingNumber(b, "header"),
    normalizes: true,
    scale: b.hyperparameters.experts.weightsScale,
    logits,
  });
  return graph.add(routed, middle);
};

/** Every layer adds the embeddings once more (src/models/talkie.cpp). */
function buildTalkie(b: Builder): void {
  const { graph } = b;
  const row: TransformerRow = { prelude: "norm", queryKeyNorm: "after-rope" };
  const embedded = begin(b, row);
  let x = embedded;
  for (const layer of b.layers()) {
    const attended = attend(b, row, layer, b.norm(x, "rms"));
    const [y, residual, skip] = keepOutputs(b, layer, [attended, x, embedded] as const);
    const middle = graph.add(y, residual);
    const fed = graph.add(feedForward(b, layer, b.norm(middle, "rms"), "gated"), middle);
    x = graph.add(fed, graph.map(skip));
  }
  end(b, row, x);
}

/** The same layers several times over (src/models/nanbeige.cpp). */
function buildNanbeige(b: Builder): void {
  const { layerCount } = b.hyperparameters;
  const loops = Math.max(1, b.model.number("num_loops", 1));
  const once = layerCount / loops;
  if (loops > 1) b.model.repeatLayers(once);
  const norms = loops > 1 && !b.model.flag("skip_loop_final_norm");
  let x = begin(b, {});
  for (let layer = 0; layer < layerCount; layer++) {
    x = transformerLayer(b, {}, layer, x);
    if (norms && (layer + 1) % once === 0 && layer + 1 < layerCount) x = b.norm(x, "rms");
  }
  end(b, {}, x);
}

/** Images bring embeddings for the first layers' results (src/models/qwen3vl.cpp). */
const deepstack: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const y = transformerLayer(b, row, layer, x);
  const { deepstackLayerCount, embeddingLength } = b.hyperparameters;
  const { embedded } = b;
  if (layer >= deepstackLayerCount || embedded === undefined) return y;
  return graph.add(y, graph.view(embedded, [embeddingLength, b.tokens], embedded.s1));
};

/** Logits of tokens without an output row are filled in. */
function buildDeepstack(b: Builder): void {
  const { graph } = b;
  b.afterLogits = (logits) => {
    const missing = b.need("token_embd").n1 - logits.n0;
    if (missing <= 0) return logits;
    const one = graph.map(graph.view(b.need("output_norm"), [1]));
    return graph.concat(graph.repeat(one, missing, logits.n1), logits, 0);
  };
  buildTransformer(b, { queryKeyNorm: "before-rope" }, deepstack);
}

/** Architectures whose layers differ from the plain one in their order. */
export const BUILDERS: ReadonlyMap<string, GraphBuilder> = new Map<string, GraphBuilder>([
  ["arctic", (b) => buildTransformer(b, {}, arctic)],
  // Only the model of 32 layers turns its queries and keys (src/models/baichuan.cpp).
  [
    "baichuan",
    (b) => buildTransformer(b, b.hyperparameters.layerCount === 32 ? {} : { rope: "none" }),
  ],
  ["chameleon", buildChameleon],
  // src/models/cogvlm.cpp gives logits for every token, wanted or not.
  ["cogvlm", (b) => buildTransformer(b, { lateOutputs: "never" })],
  ["deci", (b) => buildTransformer(b, {}, deci)],
  ["grok", (b) => buildTransformer(b, {}, grok)],
  ["grovemoe", (b) => buildTransformer(b, { queryKeyNorm: "before-rope" }, groveMoe)],
  ["smallthinker", (b) => buildTransformer(b, { rope: "step-from-0" }, smallThinker)],
  ["talkie", buildTalkie],
  ["nanbeige", buildNanbeige],
  ["qwen3vl", buildDeepstack],
  ["qwen3vlmoe", buildDeepstack],
  ["qwen3tts", buildDeepstack],
]);
