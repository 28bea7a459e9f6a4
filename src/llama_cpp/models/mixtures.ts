import { attentionCache, type Family, family } from "./architecture.ts";
import { mixtureOfExperts, SOFTMAX } from "../graph/blocks/experts.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import {
  attend,
  gatingNumber,
  keepOutputs,
  type LayerBuilder,
  transformer,
} from "../graph/transformer.ts";

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

/** Architectures whose experts stand elsewhere than in place of the feed-forward. */
export const ARCHITECTURES: Family = family({
  "arctic": attentionCache("models/arctic.cpp", { graph: transformer({}, arctic) }),
  "grok": attentionCache("models/grok.cpp", {
    graph: transformer({}, grok),
    noFlashAttention: true,
  }),
  "grovemoe": attentionCache("models/grovemoe.cpp", {
    graph: transformer({ queryKeyNorm: "before-rope" }, groveMoe),
  }),
  "smallthinker": attentionCache("models/smallthinker.cpp", {
    graph: transformer({ rope: "step-from-0" }, smallThinker),
    slidingWindow: {
      kind: "standard",
      when: "window",
      pattern: { period: 4, denseFirst: true },
      fixedWindow: 4096,
    },
  }),
});
