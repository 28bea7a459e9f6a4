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
import {
  embedding,
  gatedFeedForward,
  type Loads,
  norm,
  normWithBias,
  output,
  outputNormWithBias,
} from "../loading/blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  OPTIONAL,
  type Presence,
} from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { end, feed, keepOutputs, type TransformerRow } from "../graph/transformer.ts";

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
  const difference = graph.subtract(previous, x);
  const mixed = (name: string) => {
    const weighted = graph.multiply(difference, b.need(`${prefix}lerp_${name}`));
    return graph.add(weighted, x);
  };
  const key = graph.unary("RELU", b.multiply(`${prefix}key`, mixed("k")));
  const value = b.multiply(`${prefix}value`, graph.square(key));
  if (!b.has(`${prefix}receptance`)) return value;
  const receptance = b.multiply(`${prefix}receptance`, mixed("r"));
  return graph.multiply(graph.unary("SIGMOID", receptance), value);
}

const RWKV: TransformerRow = { norm: "layer" };

/**
 * Two shifts on each layer, before the time mix and before the channel mix (src/models/rwkv6.cpp,
 * rwkv7.cpp), or one and a feed-forward of the usual kind (rwkv6qwen2.cpp, arwkv7.cpp).
 */
function buildRwkv(b: Builder, row: TransformerRow, timeMix: TimeMix): void {
  const { graph } = b;
  const { embeddingLength: width, layerCount, wkv } = b.hyperparameters;
  const kind = row.norm ?? "rms";
  const flat = (tensor: Tensor) => graph.reshape(tensor, width, b.tokens);
  let x = b.embed();
  if (row === RWKV) x = b.norm(x, kind, "token_embd_norm", 0);
  const rescaled = timeMix === timeMix6 ? b.keys.number("rescale_every_n_layers") ?? 0 : 0;
  for (let layer = 0; layer < layerCount; layer++) {
    const state = stateOf(b, layer, wkv.tokenShiftCount * width);
    const input = bySequence(b, x, width);
    const kept = readState(b, state);
    const shifts = graph.reshape(kept, width, wkv.tokenShiftCount, b.plan.sequences);
    const normed = b.norm(input, kind, `blk.${layer}.attn_norm`);
    const before = row === RWKV ? lastToken(b, shifts) : shifts;
    const mixed = timeMix(b, layer, normed, shift(b, before, normed));
    const middle = graph.add(mixed, input);
    let last = lastToken(b, normed);
    if (row === RWKV) {
      const middleNormed = b.norm(middle, kind, `blk.${layer}.attn_norm_2`);
      const before = shift(b, lastToken(b, shifts), middleNormed);
      last = graph.concat(last, lastToken(b, middleNormed), 1);
      storeState(b, state, graph.view(last, [last.elements]));
      const wanted = [flat(middle), flat(middleNormed), flat(before)] as const;
      const [residual, channels, previous] = keepOutputs(b, layer, wanted);
      x = graph.add(channelMix(b, layer, channels, previous), residual);
      if (rescaled !== 0 && (layer + 1) % rescaled === 0) x = graph.scale(x);
    } else {
      storeState(b, state, graph.view(last, [last.elements]));
      const [residual] = keepOutputs(b, layer, [flat(middle)]);
      x = graph.add(feed(b, row, layer, b.norm(residual, kind, `blk.${layer}.ffn_norm`)), residual);
    }
  }
  end(b, row, x);
}

/** Tokens that each layer keeps of the batch before: as many as its graph shifts. */
function stateKeys(l: Loader, shifts: number): void {
  l.mayKey("attention.layer_norm_epsilon");
  l.mayKey("attention.layer_norm_rms_epsilon");
  l.key("wkv.head_size");
  l.mayKey("token_shift_count");
  const { headSize, tokenShiftCount } = l.hyperparameters.wkv;
  l.demand(
    tokenShiftCount === shifts,
    `each layer keeps ${tokenShiftCount} tokens, and its architecture's keep ${shifts}`,
  );
  l.demand(
    headSize > 0 && l.embedding % headSize === 0,
    `its embedding of ${l.embedding} isn't equal heads of ${headSize}`,
  );
}

function rwkv6Keys(l: Loader, shifts: number): void {
  stateKeys(l, shifts);
  l.key("time_mix_extra_dim");
  l.key("time_decay_extra_dim");
  l.mayKey("rescale_every_n_layers");
}

function rwkv7Keys(l: Loader, shifts: number): void {
  stateKeys(l, shifts);
  l.key("attention.decay_lora_rank");
  l.key("attention.iclr_lora_rank");
  l.key("attention.value_residual_mix_lora_rank");
  l.mayKey("attention.gate_lora_rank");
}

/** What both of the sixth generation have of their time mix. */
function timeMix6Weights(layer: LayerLoader, first: Presence): void {
  const { embedding: width, hyperparameters: { wkv } } = layer.model;
  const { headSize, timeMixExtraDimension: extra, timeDecayExtraDimension: decay } = wkv;
  layer.need("time_mix_w1.weight", width, extra * 5);
  layer.need("time_mix_w2.weight", extra, width, 5);
  layer.need("time_mix_lerp_x.weight", width);
  layer.take(first, "time_mix_first.weight", headSize, Math.floor(width / headSize));
  layer.need("time_mix_decay.weight", width);
  layer.need("time_mix_decay_w1.weight", width, decay);
  layer.need("time_mix_decay_w2.weight", decay, width);
  for (const name of ["receptance", "gate", "output"]) {
    layer.need(`time_mix_${name}.weight`, width, width);
  }
}

const rwkv6: Loads = (l) => {
  rwkv6Keys(l, 2);
  const { embedding: width, hyperparameters: { wkv, keyValueHeadCounts } } = l;
  const heads = width / wkv.headSize;
  const other = keyValueHeadCounts.find((count) => count !== 0 && count !== heads);
  l.demand(other === undefined, `it has ${heads} heads, and ${other} of keys and values`);
  embedding(l);
  layerNormedEmbedding(l);
  for (const layer of l.layers()) {
    normWithBias(layer, "attn_norm");
    normWithBias(layer, "attn_norm_2");
    timeMix6Weights(layer, NEEDED);
    // One factor for all five, or one for each.
    const isFused = layer.may("time_mix_lerp_fused.weight", width, 1, 1, 5);
    for (const name of ["w", "k", "v", "r", "g"]) {
      layer.take(isFused ? OPTIONAL : NEEDED, `time_mix_lerp_${name}.weight`, width);
    }
    layer.need("time_mix_key.weight", width, width);
    layer.need("time_mix_value.weight", width, width);
    normWithBias(layer, "time_mix_ln");
    channelMixWeights(layer);
    layer.need("channel_mix_lerp_r.weight", width);
    layer.need("channel_mix_receptance.weight", width, width);
  }
};

/** An embedding with a norm of its own, a last norm with a bias, an output. */
function layerNormedEmbedding(l: Loader): void {
  l.need("token_embd_norm.weight", l.embedding);
  l.need("token_embd_norm.bias", l.embedding);
  outputNormWithBias(l);
  l.need("output.weight", l.embedding, l.vocabulary);
}

function channelMixWeights(layer: LayerLoader): void {
  const { embedding: width } = layer.model;
  layer.need("channel_mix_lerp_k.weight", width);
  layer.need("channel_mix_key.weight", width, layer.model.feedForward());
  layer.need("channel_mix_value.weight", layer.model.feedForward(), width);
}

const rwkv6qwen2: Loads = (l) => {
  rwkv6Keys(l, 1);
  const { embedding: width, hyperparameters: { wkv } } = l;
  embedding(l);
  output(l);
  l.may("output_norm.bias", width);
  const heads = Math.floor(width / wkv.headSize);
  const shared = l.keyValueHeads() || heads;
  const other = l.hyperparameters.keyValueHeadCounts.find((count) => (count || heads) !== shared);
  l.demand(
    heads % shared === 0 && other === undefined,
    `its ${heads} heads can't share ${other ?? shared} of keys and values`,
  );
  const rows = shared === heads ? width : shared * wkv.headSize;
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    timeMix6Weights(layer, OPTIONAL);
    layer.need("time_mix_lerp_fused.weight", width, 1, 1, 5);
    for (const name of ["key", "value"]) {
      layer.need(`time_mix_${name}.weight`, width, rows);
      layer.may(`time_mix_${name}.bias`, rows);
    }
    layer.may("time_mix_receptance.bias", width);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
  }
};

/** What both of the seventh generation have of their time mix. */
function timeMix7Weights(layer: LayerLoader): void {
  const { embedding: width, hyperparameters: { wkv } } = layer.model;
  const low = (name: string, rank: number) => {
    layer.need(`time_mix_${name}0.weight`, width);
    layer.need(`time_mix_${name}1.weight`, width, rank);
    layer.need(`time_mix_${name}2.weight`, rank, width);
  };
  low("w", wkv.decayLoraRank);
  low("a", wkv.learningRateLoraRank);
  low("v", layer.index === 0 ? wkv.learningRateLoraRank : wkv.valueResidualMixLoraRank);
  for (const name of ["k_k", "k_a", "r_k"]) layer.need(`time_mix_${name}.weight`, width);
  for (const name of ["key", "value", "receptance", "output"]) {
    layer.need(`time_mix_${name}.weight`, width, width);
  }
}

const rwkv7: Loads = (l) => {
  rwkv7Keys(l, 2);
  const { embedding: width, hyperparameters: { wkv } } = l;
  embedding(l);
  layerNormedEmbedding(l);
  for (const layer of l.layers()) {
    normWithBias(layer, "attn_norm");
    normWithBias(layer, "attn_norm_2");
    timeMix7Weights(layer);
    layer.need("time_mix_g1.weight", width, wkv.gateLoraRank);
    layer.need("time_mix_g2.weight", wkv.gateLoraRank, width);
    layer.need("time_mix_lerp_fused.weight", width, 1, 1, 6);
    normWithBias(layer, "time_mix_ln");
    channelMixWeights(layer);
  }
};

const arwkv7: Loads = (l) => {
  rwkv7Keys(l, 1);
  const { embedding: width, hyperparameters: { wkv } } = l;
  embedding(l);
  output(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    timeMix7Weights(layer);
    const isGated = [
      layer.may("time_mix_g1.weight", width, wkv.gateLoraRank),
      layer.may("time_mix_g2.weight", wkv.gateLoraRank, width),
    ].every(Boolean);
    layer.need("time_mix_lerp_fused.weight", width, 1, 1, isGated ? 6 : 5);
    layer.may("time_mix_ln.weight", width);
    layer.may("time_mix_ln.bias", width);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
  }
};

const STATE = { recurrentLayers: "every", state: "wkv" } as const;

/** Architectures of the RWKV line. */
export const ARCHITECTURES: Family = family({
  "arwkv7": recurrentState("models/arwkv7.cpp", {
    ...STATE,
    loads: arwkv7,
    graph: (b) => buildRwkv(b, {}, timeMix7(b)),
  }),
  "rwkv6": recurrentState("models/rwkv6.cpp", {
    ...STATE,
    loads: rwkv6,
    graph: (b) => buildRwkv(b, RWKV, timeMix6),
  }),
  "rwkv6qwen2": recurrentState("models/rwkv6qwen2.cpp", {
    ...STATE,
    loads: rwkv6qwen2,
    graph: (b) => buildRwkv(b, {}, timeMix6),
  }),
  "rwkv7": recurrentState("models/rwkv7.cpp", {
    ...STATE,
    loads: rwkv7,
    graph: (b) => buildRwkv(b, RWKV, timeMix7(b)),
  }),
});
