import { attentionAndState, type Family, family } from "./architecture.ts";
import { BlockIndexer } from "../graph/blocks/block_indexer.ts";
import { unmaskChosen } from "../graph/blocks/lightning_indexer.ts";
import { deltaNetLayer } from "../graph/blocks/delta_net.ts";
import { bySequence, joinState, sequenceTokens } from "../graph/blocks/recurrent.ts";
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

  /** `build_hc_mix`: one stream out of all, and how its result goes back. */
  #mix(x: Tensor, prefix: string): { mixed: Tensor; inject: () => Tensor } {
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
    const made = this.b.has(`${prefix}_inject`)
      ? this.b.multiply(`${prefix}_inject`, normed)
      : undefined;
    return { mixed, inject: () => made ?? mixed };
  }

  /** `build_hc_combine` */
  #combine(residual: Tensor, output: Tensor, inject: Tensor): Tensor {
    const { graph } = this.b;
    const tokens = residual.n2;
    const weights = graph.reshape(inject, 1, this.#streams, tokens);
    const one = graph.reshape(output, this.#width, 1, tokens);
    const repeated = graph.repeat(one, this.#width, this.#streams, tokens);
    return graph.add(residual, graph.inPlace(repeated, weights));
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
    const repeated = graph.repeat(
      graph.reshape(value, this.#width, 1, tokens),
      this.#width,
      this.#streams,
      tokens,
    );
    const gated = graph.inPlace(repeated, gate);
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
    const { graph, tokens } = b;
    const { layerCount, ngramEmbedding } = b.hyperparameters;
    const embedded = b.embed();
    const ngrams = this.#ngrams();
    let streams = graph.repeat(
      graph.reshape(embedded, this.#width, 1, tokens),
      this.#width,
      this.#streams,
      tokens,
    );
    // Every indexed layer has an input of its own, so none is left out.
    for (let layer = 0; layer < layerCount; layer++) {
      const prefix = `blk.${layer}.hc_`;
      if (ngrams !== undefined && ngramEmbedding.layers[layer]) {
        streams = this.#addNgrams(layer, ngrams, streams);
      }
      const before = this.#mix(streams, `${prefix}attn`);
      let y = this.#attend(layer, graph.expand(before.mixed));
      let inject = before.inject();
      if (layer === layerCount - 1) {
        y = b.onlyOutputs(y);
        inject = b.onlyOutputs(inject);
        const rows = b.onlyOutputs(
          graph.reshape(streams, this.#width * this.#streams, streams.n2),
        );
        streams = graph.reshape(rows, this.#width, this.#streams, rows.n1);
      }
      streams = this.#combine(streams, y, inject);
      const after = this.#mix(streams, `${prefix}ffn`);
      streams = this.#combine(
        streams,
        gatedSharedExperts(b, layer, after.mixed),
        after.inject(),
      );
    }
    const head = this.#mix(streams, "output_hc").mixed;
    head.isOutput = true;
    b.logits(head);
  }
}

function buildQwen4Exp(b: Builder): void {
  new Qwen4Exp(b).build();
}

export const ARCHITECTURES: Family = family({
  "qwen4exp": attentionAndState("models/qwen4exp.cpp", {
    graph: buildQwen4Exp,
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    indexerLayers: "cached",
    state: "state-space",
    positionsPerToken: 4,
    scalesExperts: true,
    outputsHyperConnections: true,
  }),
});
