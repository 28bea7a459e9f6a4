import { router } from "./blocks.ts";
import { demandGating } from "./graph_demands.ts";
import {
  latentKeys,
  latentMatrices,
  latentQueries,
  type LatentSizes,
  wholeMatrix,
} from "./latent_blocks.ts";
import type { LayerLoader, Loader } from "./loader.ts";

/** Keys of delta attention and latent attention with experts. */
export function deltaKeys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.key_length_mla");
  l.key("attention.value_length_mla");
  l.key("attention.kv_lora_rank");
  l.key("ssm.conv_kernel");
  l.key("kda.head_dim");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.key("expert_gating_func");
  l.mayKey("expert_weights_scale");
}

/** What all have of delta attention. Its queries, keys and values are never fused. */
export function deltaWeights(layer: LayerLoader): void {
  const { model } = layer;
  const { embedding: width, hyperparameters: { deltaHeadLength, stateSpace } } = model;
  const inner = deltaHeadLength * model.heads();
  for (const name of ["q", "k", "v"]) {
    layer.need(`ssm_conv1d_${name}.weight`, stateSpace.convolutionKernel, 1, inner);
    layer.need(`attn_${name}.weight`, width, inner);
    layer.may(`attn_${name}.bias`, inner);
  }
  layer.need("ssm_beta.weight", width, model.heads());
  layer.need("ssm_dt.bias", inner);
  layer.need("ssm_norm.weight", deltaHeadLength);
  layer.need("attn_output.weight", inner, width);
}

/** Its gate by two narrow matrices. */
export function narrowGate(layer: LayerLoader, name: string): void {
  const { model } = layer;
  const length = model.hyperparameters.deltaHeadLength;
  layer.need(`${name}_a.weight`, model.embedding, length);
  layer.need(`${name}_b.weight`, length, length * model.heads());
}

/** Keys and values in two matrices where they are cached compressed, else in one. */
export function latentWeights(layer: LayerLoader, sizes: LatentSizes): void {
  latentQueries(layer, sizes);
  latentKeys(layer, sizes);
  if (layer.model.hyperparameters.usesLatentAttention) latentMatrices(layer, sizes);
  else wholeMatrix(layer, sizes);
}

export function kimiExperts(layer: LayerLoader, width = layer.model.embedding): void {
  const { model } = layer;
  const size = model.expertFeedForward();
  demandGating(model);
  router(layer);
  layer.need("exp_probs_b.bias", model.experts);
  layer.need("ffn_gate_exps.weight", width, size, model.experts);
  layer.need("ffn_down_exps.weight", size, width, model.experts);
  layer.need("ffn_up_exps.weight", width, size, model.experts);
}

/** Rows of the shared experts, one of which there always is. */
export function sharedLength(l: Loader): number {
  return l.expertFeedForward() * Math.max(1, l.hyperparameters.experts.sharedCount);
}
