import { type Family, family, recurrentState } from "./architecture.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import { readState, sequenceTokens, stateOf, storeState } from "../graph/blocks/recurrent.ts";
import { timeMix6 } from "../graph/blocks/rwkv6.ts";
import { timeMix7 } from "../graph/blocks/rwkv7.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { begin, end, keepOutputs } from "../graph/transformer.ts";

/** Mixes a token with the one before it (`build_rwkv6_time_mix`, `build_rwkv7_time_mix`). */
type TimeMix = (b: Builder, layer: number, x: Tensor, previous: Tensor) => Tensor;

/** Tokens of each sequence, shifted by one: the last of the batch before comes first. */
function shift(b: Builder, first: Tensor, x: Tensor): Tensor {
  const { graph, plan } = b;
  const rest = [x.n0, sequenceTokens(b) - 1, plan.sequences];
  return graph.concat(first, graph.view(x, rest, x.s1, x.s2), 1);
}

function lastToken(b: Builder, x: Tensor): Tensor {
  return b.graph.view(x, [x.n0, 1, b.plan.sequences], x.s1, x.s2);
}

/** The channel mix (`build_rwkv6_channel_mix`, `build_rwkv7_channel_mix`). */
function channelMix(b: Builder, layer: number, x: Tensor, previous: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.channel_mix_`;
  const difference = graph.inPlace(previous, x);
  const receptance = b.has(`${prefix}receptance`)
    ? b.multiply(`${prefix}receptance`, graph.inPlace(difference, x))
    : undefined;
  const key = b.multiply(`${prefix}key`, graph.inPlace(difference, x));
  const value = b.multiply(`${prefix}value`, key);
  return receptance === undefined ? value : graph.multiply(receptance, value);
}

/** src/models/rwkv6.cpp and rwkv7.cpp: two shifts on each layer. */
function buildRwkv(b: Builder, mix: TimeMix): void {
  const { graph, plan } = b;
  const { embeddingLength: width, layerCount, wkv } = b.hyperparameters;
  const tokens = sequenceTokens(b);
  let x = b.norm(b.embed(), "layer");
  for (let layer = 0; layer < layerCount; layer++) {
    const state = stateOf(b, wkv.tokenShiftCount * width);
    const input = graph.reshape(x, width, tokens, plan.sequences);
    const shifts = graph.reshape(readState(b, state), width, wkv.tokenShiftCount, plan.sequences);
    const [first, second] = [lastToken(b, shifts), lastToken(b, shifts)];
    const normed = b.norm(input, "layer");
    const mixed = mix(b, layer, normed, shift(b, first, normed));
    const middle = graph.add(mixed, input);
    const middleNormed = b.norm(middle, "layer");
    const before = shift(b, second, middleNormed);
    const last = graph.concat(lastToken(b, normed), lastToken(b, middleNormed), 1);
    storeState(b, state, graph.view(last, [last.elements]));
    const flat = (tensor: Tensor) => graph.reshape(tensor, width, b.tokens);
    const [residual, channels, previous] = keepOutputs(
      b,
      layer,
      [flat(middle), flat(middleNormed), flat(before)],
    );
    x = graph.add(channelMix(b, layer, channels, previous), residual);
  }
  end(b, { norm: "layer" }, x);
}

/** src/models/rwkv6qwen2.cpp and arwkv7.cpp: one shift, and a feed-forward of the usual kind. */
function buildShiftedTransformer(b: Builder, mix: TimeMix): void {
  const { graph, plan } = b;
  const { embeddingLength: width, layerCount, wkv } = b.hyperparameters;
  const tokens = sequenceTokens(b);
  let x = begin(b, {});
  for (let layer = 0; layer < layerCount; layer++) {
    const state = stateOf(b, wkv.tokenShiftCount * width);
    const input = graph.reshape(x, width, tokens, plan.sequences);
    const first = graph.reshape(readState(b, state), width, wkv.tokenShiftCount, plan.sequences);
    const normed = b.norm(input, "rms");
    const mixed = mix(b, layer, normed, shift(b, first, normed));
    const last = lastToken(b, normed);
    storeState(b, state, graph.view(last, [last.elements]));
    const sum = graph.reshape(graph.add(mixed, input), width, b.tokens);
    const [middle] = keepOutputs(b, layer, [sum]);
    x = graph.add(feedForward(b, layer, b.norm(middle, "rms"), "gated"), middle);
  }
  end(b, {}, x);
}

/** Architectures of the RWKV line. */
export const ARCHITECTURES: Family = family({
  "arwkv7": recurrentState("models/arwkv7.cpp", {
    graph: (b) => buildShiftedTransformer(b, timeMix7(b)),
    recurrentLayers: "every",
    state: "wkv",
  }),
  "rwkv6": recurrentState("models/rwkv6.cpp", {
    graph: (b) => buildRwkv(b, timeMix6),
    recurrentLayers: "every",
    state: "wkv",
  }),
  "rwkv6qwen2": recurrentState("models/rwkv6qwen2.cpp", {
    graph: (b) => buildShiftedTransformer(b, timeMix6),
    recurrentLayers: "every",
    state: "wkv",
  }),
  "rwkv7": recurrentState("models/rwkv7.cpp", {
    graph: (b) => buildRwkv(b, timeMix7(b)),
    recurrentLayers: "every",
    state: "wkv",
  }),
});
