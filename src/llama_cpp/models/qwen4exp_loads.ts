import {
  embedding,
  expertSize,
  gateUpExperts,
  headNorms,
  type Loads,
  norm,
  queryKeyValue,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import { demandRotation } from "../loading/graph_demands.ts";
import type { LayerLoader, Loader } from "../loading/loader.ts";
import { stateKeys } from "../loading/state_blocks.ts";

/** Tokens of the longest n-gram and tables of all n-grams that llama.cpp takes (llama-hparams.h). */
const [LONGEST_NGRAM, MOST_NGRAM_HEADS] = [8, 64];
/** Rows of a table are looked up by 32 bits. */
const LAST_ROW = 2 ** 31 - 1;

/** Keys of the n-gram embedding, which one layer may have; how many rows its table has at least. */
function ngramKeys(l: Loader): number {
  if (l.header.metadataTypes.get(`${l.hyperparameters.architecture}.ple.layers`) === undefined) {
    return 0;
  }
  const listed = l.vector("ple.layers");
  if (listed.length === 0) return 0;
  const layer = Number(listed[0]);
  l.demand(listed.length === 1, "its n-gram embedding is on several layers");
  l.demand(
    l.hyperparameters.recurrentLayers[layer] === true,
    `its n-gram embedding is on layer ${layer}, which has no state`,
  );
  l.key("ple.ngram_size");
  l.key("ple.heads_per_ngram");
  l.key("ple.conv_kernel");
  l.key("ple.eos_token_id");
  l.mayKey("ple.image_token_id");
  l.key("embedding_length_per_layer_input");
  const { ngramSize, headCount, convolutionKernel } = l.hyperparameters.ngramEmbedding;
  l.demand(
    ngramSize >= 2 && ngramSize <= LONGEST_NGRAM && headCount > 0 && headCount <= MOST_NGRAM_HEADS,
    `it has ${headCount} tables for n-grams of up to ${ngramSize} tokens`,
  );
  l.demand(
    convolutionKernel > 0 && l.hyperparameters.perLayerEmbeddingLength > 0,
    "its n-gram embedding has no length",
  );
  const wide = headCount * l.hyperparameters.perLayerEmbeddingLength;
  l.demand(
    wide === l.embedding,
    `its n-gram embedding has ${wide} elements, and its embedding ${l.embedding}`,
  );
  const numbers = (name: string, least: number, most: number) => {
    const values = l.vector(name, "uint64").map(Number);
    l.demand(
      values.length >= least && values.length <= most,
      `${name} has ${values.length} entries where ${least} to ${most} belong`,
    );
    return values;
  };
  numbers("ple.layer_multipliers", ngramSize, LONGEST_NGRAM);
  const offsets = numbers("ple.head_offsets", headCount, MOST_NGRAM_HEADS);
  const sizes = numbers("ple.head_vocab_sizes", headCount, MOST_NGRAM_HEADS);
  const ends = offsets.slice(0, headCount).map((offset, head) => offset + (sizes[head] ?? 0));
  l.demand(
    sizes.slice(0, headCount).every((size) => size > 0) && ends.every((end) => end <= LAST_ROW),
    "the tables of its n-gram embedding have no rows or too many",
  );
  return Math.max(...ends);
}

function qwen4ExpKeys(l: Loader): void {
  l.mayLayerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.key("attention.layer_norm_rms_epsilon");
  l.layerKey("rope.dimension_sections", 4);
  stateKeys(l);
  l.key("hyper_connection.count");
  l.key("hyper_connection.low_rank");
  l.key("attention.indexer.head_count");
  l.key("attention.indexer.key_length");
  l.key("attention.indexer.top_k");
  l.mayLayerKey("attention.compress_ratios");
  if (!l.mayLayerKey("attention.recurrent_layers")) l.mayKey("full_attention_interval");
  demandRotation(l);
  const { stateSpace, hyperConnectionCount, hyperConnectionLowRank, indexer } = l.hyperparameters;
  const sizes = [...Object.values(stateSpace), hyperConnectionLowRank];
  const { headCount, keyLength, topK } = indexer;
  l.demand(
    [...sizes, headCount, keyLength, topK].every((size) => size > 0),
    "a size of its state, its hyper-connections or its indexer is 0",
  );
  l.demand(hyperConnectionCount > 1, `it has ${hyperConnectionCount} streams, not two or more`);
  l.demand(
    stateSpace.stateSize * stateSpace.timeStepRank === stateSpace.innerSize,
    `its state has ${stateSpace.timeStepRank} heads of ${stateSpace.stateSize}, not ${stateSpace.innerSize} elements`,
  );
}

function qwen4ExpMixer(layer: LayerLoader): void {
  const l = layer.model;
  const { embedding: width, hyperparameters: { recurrentLayers, stateSpace, indexer } } = l;
  if (!recurrentLayers[layer.index]) {
    queryKeyValue(layer, { queries: 2 * l.queries() });
    layer.need("attn_output.weight", l.queries(), width);
    headNorms(layer);
    layer.need("indexer.q_proj.weight", width, indexer.headCount * indexer.keyLength);
    layer.need("indexer.k_proj.weight", width, indexer.keyLength);
    norm(layer, "indexer.q_norm", indexer.keyLength);
    norm(layer, "indexer.k_norm", indexer.keyLength);
    return;
  }
  const { stateSize, groupCount, timeStepRank: heads, convolutionKernel } = stateSpace;
  const values = stateSize * heads;
  const all = 2 * stateSize * groupCount + values;
  layer.need("attn_qkv.weight", width, all);
  layer.need("attn_gate.weight", width, values);
  layer.need("ssm_conv1d.weight", convolutionKernel, all);
  layer.need("ssm_dt.bias", heads);
  layer.need("ssm_a", heads);
  layer.need("ssm_beta.weight", width, heads);
  layer.need("ssm_alpha.weight", width, heads);
  layer.need("ssm_norm.weight", stateSize);
  layer.need("ssm_out.weight", values, width);
}

/** src/models/qwen4exp.cpp */
export const qwen4ExpLoads: Loads = (l) => {
  qwen4ExpKeys(l);
  const rows = ngramKeys(l);
  const { embedding: width, hyperparameters } = l;
  const { hyperConnectionCount, hyperConnectionLowRank: low, ngramEmbedding } = hyperparameters;
  const wide = hyperConnectionCount * width;
  embedding(l);
  l.need("output_hc_norm.weight", wide);
  l.need("output_hc_down.weight", wide, low);
  l.need("output_hc_up.weight", low, wide);
  l.may("output.weight", width, l.vocabulary);
  if (rows > 0) {
    const name = "per_layer_token_embd.weight";
    const own = l.header.tensors.find((tensor) => tensor.name === name)?.dimensions[1] ?? 1;
    l.need(name, hyperparameters.perLayerEmbeddingLength, Math.max(rows, own));
  }
  const size = expertSize(l);
  const shared = l.number("expert_shared_feed_forward_length") || l.feedForward();
  for (const layer of l.layers()) {
    for (const block of ["attn", "ffn"]) {
      layer.need(`hc_${block}_norm.weight`, wide);
      layer.need(`hc_${block}_down.weight`, wide, low);
      layer.need(`hc_${block}_up.weight`, low, wide);
      layer.need(`hc_${block}_inject.weight`, wide, hyperConnectionCount);
    }
    qwen4ExpMixer(layer);
    if (ngramEmbedding.layers[layer.index]) {
      layer.need("ple_key.weight", width, wide);
      layer.need("ple_value.weight", width, width);
      for (const name of ["key", "query", "conv"]) layer.need(`ple_norm_${name}.weight`, wide);
      layer.need("ple_conv1d.weight", ngramEmbedding.convolutionKernel, wide);
    }
    router(layer);
    layer.need("ffn_down_exps.weight", size, width, l.experts);
    gateUpExperts(layer, size);
    layer.need("ffn_gate_inp_shexp.weight", width);
    sharedExperts(layer, shared);
  }
};
