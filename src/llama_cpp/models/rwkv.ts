import { type Family, family, recurrentState } from "./architecture.ts";
import {
  bySequence,
  readState,
  sequenceTokens,
  stateOf,
  storeState,
} from "../graph/blocks/recurrent.ts";
import { timeMix6 } from "../graph/blocks/rwkv6.ts";
import { timeMix7 } from "../graph/blocks/rwkv7.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { begin, end, feed, keepOutputs, type TransformerRow } from "../graph/transformer.ts";

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

const RWKV: TransformerRow = { norm: "layer", prelude: "norm" };

/**
 * Two shifts on each layer, before the time mix and before the channel mix (src/models/rwkv6.cpp,
 * rwkv7.cpp), or one and a feed-forward of the usual kind (rwkv6qwen2.cpp, arwkv7.cpp).
 */
function buildRwkv(b: Builder, row: TransformerRow, timeMix: TimeMix): void {
  const { graph } = b;
  const { embeddingLength: width, layerCount, wkv } = b.hyperparameters;
  const kind = row.norm ?? "rms";
  const flat = (tensor: Tensor) => graph.reshape(tensor, width, b.tokens);
  let x = begin(b, row);
  for (let layer = 0; layer < layerCount; layer++) {
    const state = stateOf(b, wkv.tokenShiftCount * width);
    const input = bySequence(b, x, width);
    const kept = readState(b, state);
    const shifts = graph.reshape(kept, width, wkv.tokenShiftCount, b.plan.sequences);
    const normed = b.norm(input, kind);
    const mixed = timeMix(b, layer, normed, shift(b, lastToken(b, shifts), normed));
    const middle = graph.add(mixed, input);
    let last = lastToken(b, normed);
    if (row === RWKV) {
      const middleNormed = b.norm(middle, kind);
      const before = shift(b, lastToken(b, shifts), middleNormed);
      last = graph.concat(last, lastToken(b, middleNormed), 1);
      storeState(b, state, graph.view(last, [last.elements]));
      const wanted = [flat(middle), flat(middleNormed), flat(before)] as const;
      const [residual, channels, previous] = keepOutputs(b, layer, wanted);
      x = graph.add(channelMix(b, layer, channels, previous), residual);
    } else {
      storeState(b, state, graph.view(last, [last.elements]));
      const [residual] = keepOutputs(b, layer, [flat(middle)]);
      x = graph.add(feed(b, row, layer, b.norm(residual, kind)), residual);
    }
  }
  end(b, row, x);
}

const STATE = { recurrentLayers: "every", state: "wkv" } as const;

/** Architectures of the RWKV line. */
export const ARCHITECTURES: Family = family({
  "arwkv7": recurrentState("models/arwkv7.cpp", {
    ...STATE,
    graph: (b) => buildRwkv(b, {}, timeMix7(b)),
  }),
  "rwkv6": recurrentState("models/rwkv6.cpp", {
    ...STATE,
    graph: (b) => buildRwkv(b, RWKV, timeMix6),
  }),
  "rwkv6qwen2": recurrentState("models/rwkv6qwen2.cpp", {
    ...STATE,
    graph: (b) => buildRwkv(b, {}, timeMix6),
  }),
  "rwkv7": recurrentState("models/rwkv7.cpp", {
    ...STATE,
    graph: (b) => buildRwkv(b, RWKV, timeMix7(b)),
  }),
});
