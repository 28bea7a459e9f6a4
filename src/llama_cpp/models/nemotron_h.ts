import { attentionAndState, type Family, family } from "./architecture.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { feedForward, sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { mamba2Layer } from "../graph/blocks/mamba.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { attend, type LayerBuilder, transformer } from "../graph/transformer.ts";
import {
  embedding,
  type Loads,
  norm,
  outputOrTied,
  ownAttention,
  router,
} from "../loading/blocks.ts";
import {
  type LayerLoader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  type Presence,
} from "../loading/loader.ts";
import { mamba2, stateKeys } from "../loading/state_blocks.ts";

/** One thing on each layer: Mamba-2, attention or a feed-forward (src/models/nemotron-h.cpp). */
const nemotronH: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { recurrentLayers, feedForwardLengths } = b.hyperparameters;
  const normed = b.norm(x, "rms", `blk.${layer}.attn_norm`);
  let y;
  if (recurrentLayers[layer]) y = mamba2Layer(b, layer, normed);
  else if ((feedForwardLengths[layer] ?? 0) === 0) y = attend(b, row, layer, normed);
  else if (!b.has(`blk.${layer}.ffn_gate_inp`)) y = feedForward(b, layer, normed, "relu-squared");
  else y = nemotronExperts(b, layer, normed);
  return graph.add(y, x);
};

function nemotronExperts(b: Builder, layer: number, x: Tensor): Tensor {
  const prefix = `blk.${layer}.`;
  const narrow = b.multiplyIfThere(`${prefix}ffn_latent_down`, x);
  const routed = mixtureOfExperts(b, layer, narrow, {
    gating: "sigmoid",
    weightsNorm: "header",
    activation: "relu-squared",
    logits: b.multiply(`${prefix}ffn_gate_inp`, x),
  });
  const wide = b.multiplyIfThere(`${prefix}ffn_latent_up`, routed);
  return b.graph.add(wide, sharedFeedForward(b, layer, x, "relu-squared"));
}

/** Experts behind a narrower stream, where the header has a width of it. */
function nemotronMixture(layer: LayerLoader, all: number, presence: Presence): void {
  const { model, index } = layer;
  const { embedding: width, experts: count } = model;
  const used = model.expertsUsed(index);
  const own = model.expertFeedForward(index);
  model.demand(own > 0 || used > 0, `layer ${index} uses none of its experts`);
  const size = own || Math.floor(all / used);
  const narrow = model.number("moe_latent_size") || width;
  const shared = model.number("expert_shared_feed_forward_length");
  router(layer, presence);
  layer.take(presence, "exp_probs_b.bias", count);
  if (!presence.isSkipped) {
    const latent = narrow === width ? OPTIONAL : NEEDED;
    layer.take(latent, "ffn_latent_down.weight", width, narrow);
    layer.take(latent, "ffn_latent_up.weight", narrow, width);
  }
  layer.take(presence, "ffn_down_exps.weight", size, narrow, count);
  layer.take(presence, "ffn_up_exps.weight", narrow, size, count);
  layer.take(presence, "ffn_down_shexp.weight", shared, width);
  layer.take(presence, "ffn_up_shexp.weight", width, shared);
}

const nemotron: Loads = (l) => {
  stateKeys(l);
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.layer_norm_epsilon");
  l.mayLayerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.mayKey("expert_shared_count");
  l.mayKey("expert_weights_norm");
  l.mayKey("expert_weights_scale");
  l.mayKey("moe_latent_size");
  embedding(l);
  outputOrTied(l);
  const width = l.embedding;
  for (const layer of l.layers()) {
    const size = l.feedForward(layer.index);
    norm(layer, "attn_norm");
    if (l.hyperparameters.recurrentLayers[layer.index]) {
      mamba2(layer);
    } else if (size === 0) {
      ownAttention(layer);
    } else if (l.experts > 0) {
      nemotronMixture(layer, size, NEEDED);
    } else {
      layer.need("ffn_down.weight", size, width);
      layer.need("ffn_up.weight", width, size);
      layer.may("ffn_down.bias", width);
      layer.may("ffn_up.bias", size);
    }
  }
  for (let index = l.layerCount; index < l.allLayerCount; index++) {
    const layer = l.layer(index);
    const take = (name: string, ...shape: number[]) => layer.take(NEEDED_UNLOADED, name, ...shape);
    take("nextn.enorm.weight", width);
    take("nextn.hnorm.weight", width);
    take("nextn.eh_proj.weight", 2 * width, width);
    take("nextn.shared_head_norm.weight", width);
    take("attn_norm.weight", width);
    ownAttention(layer, NEEDED_UNLOADED);
    take("post_attention_norm.weight", width);
    nemotronMixture(layer, l.feedForward(), NEEDED_UNLOADED);
  }
};

const NEMOTRON = {
  scalesFeedForward: true,
  scalesSharedExpert: true,
  graph: transformer({ rope: "none", lateOutputs: "after-norm" }, nemotronH),
  recurrentLayers: "no-kv-heads-no-feed-forward",
  cachedLayers: "no-feed-forward",
  state: "state-space",
  predictionLayersSkipped: true,
  scalesExperts: true,
  loads: nemotron,
} as const;

/** Architectures with Mamba-2, attention or a feed-forward on each layer. */
export const ARCHITECTURES: Family = family({
  "nemotron_h": attentionAndState("models/nemotron-h.cpp", NEMOTRON),
  "nemotron_h_moe": attentionAndState("models/nemotron-h-moe.cpp", NEMOTRON),
});
