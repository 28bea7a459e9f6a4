import { attentionAndState, type Family, family } from "./architecture.ts";
import { BlockIndexer } from "../graph/blocks/block_indexer.ts";
import { unmaskChosen } from "../graph/blocks/lightning_indexer.ts";
import { deltaNetLayer } from "../graph/blocks/delta_net.ts";
import { bySequence, joinState, sequenceTokens } from "../graph/blocks/recurrent.ts";
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
import type { LayerLoader, Loader } from "../loading/loader.ts";
import { stateKeys } from "../loading/state_blocks.ts";
import type { Builder } from "../graph/builder.ts";
import { F32, I32, type Tensor } from "../ggml/tensor.ts";
import { gatedQueryAttention, gatedSharedExperts } from "./delta_net.ts";

/** Several residual streams, mixed before and after each block (src/models/qwen4exp.cpp). */
class Qwen4Exp {
  readonly #indexer: BlockIndexer;
  readonly #streams: number;
  readonly #width: number;

  constructor(readonly b: Builder) {
    this.#indexer = new BlockIndexer(b);
    this.#streams = Math.max(1, b.hyperparameters.hyperConnectionCount);
    this.#width = b.hyperparameters.embeddingLength;
  }

  /** The same in every stream. */
  #widen(x: Tensor): Tensor {
    const { graph } = this.b;
    const one = graph.reshape(x, this.#width, 1, x.n1);
    return graph.repeat(one, this.#width, this.#streams, x.n1);
  }

  /** `build_hc_mix`: one stream out of all, and how its result goes back. */
  #mix(x: Tensor, prefix: string): { mixed: Tensor; inject: Tensor } {
    const { graph } = this.b;
    const tokens = x.n2;
    const all = this.#width * this.#streams;
    const normed = graph.map(graph.reshape(graph.rmsNorm(x), all, tokens));
    const low = this.b.multiply(`${prefix}_down`, normed);
    const gate = this.b.multiply(`${prefix}_up`, low);
    const gated = graph.reshape(graph.inPlace(normed, gate), this.#width, this.#streams, tokens);
    const stream = () => graph.view(gated, [this.#width, tokens], gated.s2);
    let mixed = graph.contiguous(stream());
    for (let index = 1; index < this.#streams; index++) mixed = graph.add(mixed, stream());
    // The gated streams may lie over the normed ones unless those are still wanted.
    const injects = this.b.has(`${prefix}_inject`);
    return { mixed, inject: injects ? this.b.multiply(`${prefix}_inject`, normed) : mixed };
  }

  /** `build_hc_combine` */
  #combine(residual: Tensor, output: Tensor, inject: Tensor): Tensor {
    const { graph } = this.b;
    const weights = graph.reshape(inject, 1, this.#streams, residual.n2);
    return graph.add(residual, graph.inPlace(this.#widen(output), weights));
  }

  /** Embeddings of the last few tokens together (`build_inp_ple`). */
  #ngrams(): Tensor | undefined {
    const { b } = this;
    const { graph, tokens } = b;
    const { headCount } = b.hyperparameters.ngramEmbedding;
    const table = b.weight("per_layer_token_embd");
    if (headCount === 0 || table === undefined) return undefined;
    const rows = graph.getRows(table, graph.input(I32, [headCount * tokens]));
    return graph.expand(graph.reshape(rows, table.n0 * headCount, tokens));
  }

  #groupNorm(x: Tensor): Tensor {
    const { graph, tokens } = this.b;
    const all = this.#width * this.#streams;
    const normed = graph.rmsNorm(graph.reshape(x, this.#width, this.#streams, tokens));
    const weighted = graph.map(graph.reshape(normed, all, tokens));
    return graph.reshape(weighted, this.#width, this.#streams, tokens);
  }

  /** `build_ple`: n-grams gated by the layer's input, then a convolution with holes. */
  #addNgrams(layer: number, ngrams: Tensor, hidden: Tensor): Tensor {
    const { b } = this;
    const { graph, plan, tokens } = b;
    const prefix = `blk.${layer}.ple_`;
    const { convolutionKernel, ngramSize } = b.hyperparameters.ngramEmbedding;
    const all = this.#width * this.#streams;
    const key = this.#groupNorm(b.multiply(`${prefix}key`, ngrams));
    const value = b.multiply(`${prefix}value`, ngrams);
    const similarity = graph.sumRows(graph.inPlace(key, this.#groupNorm(hidden)));
    const sign = graph.map(similarity);
    const gate = graph.inPlace(sign, graph.map(similarity));
    const gated = graph.inPlace(this.#widen(value), gate);
    const perSequence = sequenceTokens(b);
    const normed = bySequence(b, this.#groupNorm(gated), all);
    const padded = joinState(b, normed, (convolutionKernel - 1) * ngramSize, true);
    let sum: Tensor | undefined;
    for (let index = 0; index < convolutionKernel; index++) {
      const shape = [perSequence, all, plan.sequences];
      const columns = graph.view(padded, shape, padded.s1, padded.s2);
      const shifted = graph.contiguous(graph.transpose(columns));
      const kernel = b.need(`${prefix}conv1d`);
      const column = graph.contiguous(graph.view(kernel, [1, all], kernel.s1));
      let weights = graph.reshape(column, all);
      if (weights.type !== F32) weights = graph.cast(weights, F32);
      const term = graph.inPlace(shifted, weights);
      sum = sum === undefined ? term : graph.add(sum, term);
    }
    const convolved = graph.contiguous(sum ?? normed);
    const shaped = graph.reshape(convolved, this.#width, this.#streams, tokens);
    return graph.add(hidden, graph.add(gated, shaped));
  }

  #attend(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { recurrentLayers, compressRatios, indexer } = b.hyperparameters;
    if (recurrentLayers[layer]) return deltaNetLayer(b, layer, x, { copiesColumns: true });
    const ratio = compressRatios[layer] ?? 0;
    if (indexer.keyLength === 0 || ratio === 0) return gatedQueryAttention(b, layer, x);
    const chosen = this.#indexer.choose(layer, x, ratio);
    return gatedQueryAttention(b, layer, x, (mask) => unmaskChosen(b, mask, chosen));
  }

  build(): void {
    const { b } = this;
    const { graph } = b;
    const { layerCount, ngramEmbedding } = b.hyperparameters;
    const embedded = b.embed();
    const ngrams = this.#ngrams();
    let streams = this.#widen(embedded);
    // Every indexed layer has an input of its own, so none is left out.
    for (let layer = 0; layer < layerCount; layer++) {
      const prefix = `blk.${layer}.hc_`;
      if (ngrams !== undefined && ngramEmbedding.layers[layer]) {
        streams = this.#addNgrams(layer, ngrams, streams);
      }
      let { mixed, inject } = this.#mix(streams, `${prefix}attn`);
      let y = this.#attend(layer, graph.expand(mixed));
      if (layer === layerCount - 1) {
        y = b.onlyOutputs(y);
        inject = b.onlyOutputs(inject);
        const flat = graph.reshape(streams, this.#width * this.#streams, streams.n2);
        streams = graph.reshape(b.onlyOutputs(flat), this.#width, this.#streams, b.plan.outputs);
      }
      streams = this.#combine(streams, y, inject);
      const after = this.#mix(streams, `${prefix}ffn`);
      const fed = gatedSharedExperts(b, layer, after.mixed);
      streams = this.#combine(streams, fed, after.inject);
    }
    const head = this.#mix(streams, "output_hc").mixed;
    head.isOutput = true;
    b.logits(head);
  }
}

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

const qwen4Exp: Loads = (l) => {
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

export const ARCHITECTURES: Family = family({
  "qwen4exp": attentionAndState("models/qwen4exp.cpp", {
    graph: (b) => new Qwen4Exp(b).build(),
    loads: qwen4Exp,
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    indexerLayers: "cached",
    state: "state-space",
    positionsPerToken: 4,
    scalesExperts: true,
    outputsHyperConnections: true,
  }),
});
