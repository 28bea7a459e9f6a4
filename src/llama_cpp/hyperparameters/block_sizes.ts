import { type ArchitectureKeys, hyperparameterError } from "./architecture_keys.ts";
import type { ArchitectureRules } from "./architecture_rules.ts";
import type { LayerSizes } from "./layer_sizes.ts";

/** llama-hparams.h's LLAMA_MAX_EXPERTS. */
const LARGEST_EXPERT_COUNT = 1024;

/** Sizes of the Mamba-like state (`ssm.*`), 0 where the key is missing. */
export function readStateSpace(rules: ArchitectureRules, keys: ArchitectureKeys) {
  return {
    convolutionKernel: keys.number("ssm.conv_kernel") ?? 0,
    innerSize: keys.number("ssm.inner_size") ?? 0,
    stateSize: keys.number("ssm.state_size") ?? 0,
    timeStepRank: keys.number("ssm.time_step_rank") ?? 0,
    groupCount: rules.noStateGroups ? 0 : keys.number("ssm.group_count") ?? 0,
  };
}

/** Sizes of the RWKV-like state (`wkv.*`) with its low-rank ones, 0 where the key is missing. */
export function readWkv(keys: ArchitectureKeys) {
  return {
    headSize: keys.number("wkv.head_size") ?? 0,
    tokenShiftCount: keys.number("token_shift_count") ?? 2,
    timeMixExtraDimension: keys.number("time_mix_extra_dim") ?? 0,
    timeDecayExtraDimension: keys.number("time_decay_extra_dim") ?? 0,
    decayLoraRank: keys.number("attention.decay_lora_rank") ?? 0,
    learningRateLoraRank: keys.number("attention.iclr_lora_rank") ?? 0,
    valueResidualMixLoraRank: keys.number("attention.value_residual_mix_lora_rank") ?? 0,
    gateLoraRank: keys.number("attention.gate_lora_rank") ?? 0,
  };
}

/** Reads the low-rank sizes of attention; MLA's lengths only where the architecture does. */
export function readLatentAttention(rules: ArchitectureRules, keys: ArchitectureKeys) {
  const lengths = rules.latentAttention === true;
  return {
    queryLoraRank: keys.number("attention.q_lora_rank") ?? 0,
    keyValueLoraRank: keys.number("attention.kv_lora_rank") ?? 0,
    keyLength: lengths ? keys.number("attention.key_length_mla") ?? 0 : 0,
    valueLength: lengths ? keys.number("attention.value_length_mla") ?? 0 : 0,
    keyValueLoraRankSlidingWindow: keys.number("attention.kv_lora_rank_swa") ?? 0,
    keyLengthSlidingWindow: lengths ? keys.number("attention.key_length_mla_swa") ?? 0 : 0,
    valueLengthSlidingWindow: lengths ? keys.number("attention.value_length_mla_swa") ?? 0 : 0,
  };
}

/** Multi-head latent attention, 0 where the key is missing. */
export type LatentAttentionSizes = Readonly<ReturnType<typeof readLatentAttention>>;

function expertCount(rules: ArchitectureRules, keys: ArchitectureKeys): number {
  const count = keys.number("expert_count") ?? 0;
  if (count > LARGEST_EXPERT_COUNT) {
    throw hyperparameterError(keys.key("expert_count"), count, `at most ${LARGEST_EXPERT_COUNT}`);
  }
  return rules.singleExpertIsDense && count <= 1 ? 0 : count;
}

/**
 * Reads the mixture of experts (llama-model.cpp, `load_hparams`, with its limits), 0 where the key
 * is missing. Arrays have one entry for each of `allLayerCount`.
 */
export function readExperts(rules: ArchitectureRules, keys: ArchitectureKeys, layers: LayerSizes) {
  const count = expertCount(rules, keys);
  const zeros = Array.from({ length: layers.all }, () => 0);
  const fileLayers = keys.number("block_count") ?? layers.all;
  const used = keys.perLayer("expert_used_count", fileLayers, layers.all) ?? zeros;
  const most = used.reduce((largest, one) => Math.max(largest, one), 0);
  if (count > 0 && (most > count || most === 0)) {
    throw hyperparameterError(keys.key("expert_used_count"), most, `a number from 1 to ${count}`);
  }
  return {
    count,
    usedCounts: count === 0 ? zeros : used,
    feedForwardLengths: keys.perLayer("expert_feed_forward_length", fileLayers, layers.all) ??
      zeros,
    sharedCount: keys.number("expert_shared_count") ?? rules.defaultSharedExperts ?? 0,
    sharedFeedForwardLength: keys.number("expert_shared_feed_forward_length") ?? 0,
    chunkFeedForwardLength: keys.number("expert_chunk_feed_forward_length") ?? 0,
    groupCount: keys.number("expert_group_count") ?? 0,
    groupUsedCount: keys.number("expert_group_used_count") ?? 0,
    perGroupCount: keys.number("experts_per_group") ?? 0,
    gatingFunction: keys.number("expert_gating_func") ?? 0,
    weightsNorm: keys.flag("expert_weights_norm") ?? false,
    weightsScale: keys.real("expert_weights_scale"),
    leadingDenseLayerCount: rules.dense
      ? layers.text
      : keys.number("leading_dense_block_count") ?? 0,
    layerStep: keys.number("interleave_moe_layer_step") ?? 0,
    everyLayers: keys.number("moe_every_n_layers") ?? 0,
    latentLength: keys.number("expert_latent_length") ?? keys.number("moe_latent_size") ?? 0,
  };
}

/** The indexer of sparse attention (`attention.indexer.*`), 0 where the key is missing. */
export function readIndexer(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
  trained: number,
) {
  const name = "attention.indexer.types";
  const types = rules.indexerTypes;
  const listed = types?.perLayer ? keys.perLayer(name, layers.text) : keys.array(name);
  const isFull = (layer: number) =>
    listed === undefined ? types?.isFull(layer, trained) ?? false : (listed[layer] ?? 0) !== 0;
  return {
    headCount: keys.number("attention.indexer.head_count") ?? 0,
    keyLength: keys.number("attention.indexer.key_length") ?? 0,
    topK: keys.number("attention.indexer.top_k") ?? 0,
    blockSize: keys.number("attention.indexer.block_size") ?? 0,
    localBlocks: keys.number("attention.indexer.local_blocks") ?? 0,
    // Layers with an indexer of their own.
    fullLayers: Array.from(
      { length: layers.all },
      (_, layer) => layer < layers.text && isFull(layer),
    ),
  };
}

/** The n-gram embedding (`ple.*`; src/models/qwen4exp.cpp, `ple_conv_state` in llama-hparams.cpp). */
export function readNgramEmbedding(
  keys: ArchitectureKeys,
  layers: LayerSizes,
  hyperConnections: number,
) {
  const listed = keys.array("ple.layers") ?? [];
  const ngramSize = keys.number("ple.ngram_size") ?? 0;
  const kernel = keys.number("ple.conv_kernel") ?? 0;
  const headCount = listed.length === 0
    ? 0
    : Math.max(0, ngramSize - 1) * (keys.number("ple.heads_per_ngram") ?? 0);
  const embedding = keys.number("embedding_length") ?? 0;
  return {
    layers: Array.from({ length: layers.all }, (_, layer) => listed.includes(layer)),
    ngramSize,
    headCount,
    convolutionKernel: kernel,
    // Elements of the history kept for each sequence and layer.
    convolutionState: headCount === 0 || kernel === 0
      ? 0
      : (kernel - 1) * ngramSize * hyperConnections * embedding,
  };
}
