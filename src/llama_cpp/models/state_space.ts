import { attentionAndState, type Family, family, recurrentState } from "./architecture.ts";
import { attention } from "../graph/blocks/attention.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { mamba2Layer, mambaLayer, plamo2MambaLayer } from "../graph/blocks/mamba.ts";
import { shortConvolution } from "../graph/blocks/short_convolution.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import {
  attend,
  feed,
  keepOutputs,
  type LayerBuilder,
  onStateLayers,
  prepare,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Layers of `scan` alone. */
const scanned = (scan: typeof mambaLayer): LayerBuilder => (b, _row, layer, x) => {
  const [y, residual] = keepOutputs(b, layer, [scan(b, layer, b.norm(x, "rms")), x]);
  return b.graph.add(y, residual);
};

/** Both on every layer (src/models/falcon-h1.cpp). */
const falconH1: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const attended = attention(b, layer, prepare(b, row, layer, b.norm(x, "rms")));
  const scanned = mamba2Layer(b, layer, b.norm(x, "rms"));
  let middle = graph.add(graph.add(attended, scanned), x);
  [middle] = keepOutputs(b, layer, [middle]);
  return graph.add(feed(b, row, layer, b.norm(middle, "rms")), middle);
};

/** One thing on each layer: Mamba-2, attention or a feed-forward (src/models/nemotron-h.cpp). */
const nemotronH: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { recurrentLayers, feedForwardLengths } = b.hyperparameters;
  const normed = b.norm(x, "rms");
  let y;
  if (recurrentLayers[layer]) y = mamba2Layer(b, layer, normed);
  else if ((feedForwardLengths[layer] ?? 0) === 0) y = attend(b, row, layer, normed);
  else if (!b.has(`blk.${layer}.ffn_gate_inp`)) y = feedForward(b, layer, normed, "plain");
  else y = nemotronExperts(b, layer, normed);
  return graph.add(y, x);
};

function nemotronExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const prefix = `blk.${layer}.`;
  const narrow = b.multiplyIfThere(`${prefix}ffn_latent_down`, x);
  const routed = mixtureOfExperts(b, layer, narrow, {
    gating: "sigmoid",
    weightsNorm: "header",
    activation: "plain",
    logits: b.multiply(`${prefix}ffn_gate_inp`, x),
  });
  const wide = b.multiplyIfThere(`${prefix}ffn_latent_up`, routed);
  return b.graph.add(wide, sharedFeedForward(b, layer, x, "plain"));
}

/** src/models/plamo2.cpp */
const plamo2: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const normed = b.norm(x, "rms");
  const mixed = onStateLayers(plamo2MambaLayer)(b, row, layer, normed);
  const middle = graph.add(b.norm(mixed, "rms"), x);
  const fed = feedForward(b, layer, b.norm(middle, "rms"), "halves");
  const [y, residual] = keepOutputs(b, layer, [b.norm(fed, "rms"), middle]);
  return graph.add(y, residual);
};

const NEMOTRON = {
  graph: transformer({ rope: "none", lateOutputs: "after-norm" }, nemotronH),
  recurrentLayers: "no-kv-heads-no-feed-forward",
  cachedLayers: "no-feed-forward",
  state: "state-space",
  predictionLayersSkipped: true,
  scalesExperts: true,
} as const;
const RESIDUAL_FIRST: TransformerRow = { residualFirst: true, lastResidualFirst: true };
const LFM2: TransformerRow = {
  ...RESIDUAL_FIRST,
  queryKeyNorm: "before-rope",
  gating: "header",
  mix: onStateLayers(shortConvolution),
};

/** Architectures with a Mamba state or a short convolution. */
export const ARCHITECTURES: Family = family({
  "falcon-h1": attentionAndState("models/falcon-h1.cpp", {
    graph: transformer({}, falconH1),
    recurrentLayers: "every",
    cachedLayers: "every",
    state: "state-space",
  }),
  "granitehybrid": attentionAndState("models/granite-hybrid.cpp", {
    graph: transformer({ rope: "finetuned", mix: onStateLayers(mamba2Layer) }),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
  }),
  "jamba": attentionAndState("models/jamba.cpp", {
    graph: transformer({
      ...RESIDUAL_FIRST,
      rope: "none",
      weightsNorm: false,
      mix: onStateLayers(mambaLayer),
    }),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
    noStateGroups: true,
  }),
  "lfm2": attentionAndState("models/lfm2.cpp", {
    graph: transformer(LFM2),
    slidingWindow: { when: "window", pattern: "not-recurrent" },
    recurrentLayers: "no-kv-heads",
    state: "short-convolution",
    dense: true,
  }),
  "lfm2moe": attentionAndState("models/lfm2moe.cpp", {
    graph: transformer(LFM2),
    recurrentLayers: "no-kv-heads",
    state: "short-convolution",
  }),
  "mamba": recurrentState("models/mamba.cpp", {
    graph: transformer({}, scanned(mambaLayer)),
    recurrentLayers: "every",
    state: "state-space",
    noStateGroups: true,
  }),
  "mamba2": recurrentState("models/mamba2.cpp", {
    graph: transformer({}, scanned(mamba2Layer)),
    recurrentLayers: "every",
    state: "state-space",
  }),
  "nemotron_h": attentionAndState("models/nemotron-h.cpp", NEMOTRON),
  "nemotron_h_moe": attentionAndState("models/nemotron-h-moe.cpp", NEMOTRON),
  "plamo2": attentionAndState("models/plamo2.cpp", {
    graph: transformer({ queryKeyNorm: "before-rope" }, plamo2),
    recurrentLayers: "no-kv-heads",
    state: "state-space",
    headLengthsWithoutHeads: true,
  }),
});
