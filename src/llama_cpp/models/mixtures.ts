import { attentionCache, type Family, family } from "./architecture.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import {
  attend,
  keepOutputs,
  type LayerBuilder,
  transformer,
  transformerLayer,
} from "../graph/transformer.ts";

/** Attention and a dense feed-forward, experts beside both (src/models/arctic.cpp). */
const arctic: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const attended = attend(b, row, layer, b.norm(x, "rms"));
  const [y, residual] = keepOutputs(b, layer, [attended, x]);
  const middle = graph.add(y, residual);
  const dense = graph.add(feedForward(b, layer, b.norm(middle, "rms"), "gated"), middle);
  const routed = mixtureOfExperts(b, layer, b.norm(residual, "rms"));
  return graph.add(routed, dense);
};

/** Experts, and a dense feed-forward beside them where there is one (src/models/grok.cpp). */
const grok: LayerBuilder = (b, _row, layer, x) => {
  const routed = mixtureOfExperts(b, layer, x);
  return b.has(`blk.${layer}.ffn_up`)
    ? b.graph.add(feedForward(b, layer, x, "gated"), routed)
    : routed;
};

/** Two mixtures by one router, the second of chunks and on what the first gives (src/models/grovemoe.cpp). */
const groveMoe: LayerBuilder = (b, _row, layer, x) => {
  const { count, usedCounts, perGroupCount } = b.hyperparameters.experts;
  const chunks = Math.floor(count / Math.max(1, perGroupCount));
  const used = usedCounts[layer] ?? 1;
  const shared = {
    logits: b.multiply(`blk.${layer}.ffn_gate_inp`, x),
    selectsBy: "sigmoid",
  } as const;
  const routed = mixtureOfExperts(b, layer, x, shared);
  const chunked = mixtureOfExperts(b, layer, routed, {
    ...shared,
    count: chunks,
    used: Math.min(used, chunks),
    chunked: chunks !== count,
    names: { up: "ffn_up_chexps", gate: "ffn_gate_chexps", down: "ffn_down_chexps" },
  });
  return b.graph.add(routed, chunked);
};

/** The router sees the layer's input (src/models/smallthinker.cpp). */
const smallThinker: LayerBuilder = (b, row, layer, x) => {
  const [logits] = keepOutputs(b, layer, [b.multiply(`blk.${layer}.ffn_gate_inp`, x)]);
  const feed: LayerBuilder = (_b, _row, _layer, middle) =>
    mixtureOfExperts(b, layer, middle, { gating: "header", logits });
  return transformerLayer(b, { ...row, feed }, layer, x);
};

/** Architectures whose experts stand elsewhere than in place of the feed-forward. */
export const ARCHITECTURES: Family = family({
  "arctic": attentionCache("models/arctic.cpp", { graph: transformer({}, arctic) }),
  "grok": attentionCache("models/grok.cpp", {
    graph: transformer({ postNorms: true, feed: grok }),
    noFlashAttention: true,
  }),
  "grovemoe": attentionCache("models/grovemoe.cpp", {
    graph: transformer({ queryKeyNorm: "before-rope", feed: groveMoe }),
  }),
  "smallthinker": attentionCache("models/smallthinker.cpp", {
    graph: transformer({ rope: "step-from-0" }, smallThinker),
    slidingWindow: { when: "window", pattern: { period: 4, denseFirst: true }, fixedWindow: 4096 },
  }),
});
