import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { attentionAndState, type Family, family } from "./architecture.ts";
import { qwen4ExpLoads } from "./qwen4exp_loads.ts";
import { BlockIndexer } from "../graph/blocks/block_indexer.ts";
import { unmaskChosen } from "../graph/blocks/lightning_indexer.ts";
import { deltaNetLayer, type DeltaNetOptions } from "../graph/blocks/delta_net.ts";
import { bySequence, joinState, sequenceTokens } from "../graph/blocks/recurrent.ts";
import type { Builder } from "../graph/builder.ts";
import { F32, I32, type Tensor } from "../ggml/tensor.ts";
import { gatedQueryAttention, gatedSharedExperts } from "./delta_net.ts";

const DELTA_NET: DeltaNetOptions = { copiesColumns: true, gateFunction: "SIGMOID" };

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
    const flat = graph.reshape(graph.rmsNorm(x), all, tokens);
    const normed = graph.multiply(flat, this.b.need(`${prefix}_norm`));
    const down = this.b.multiply(`${prefix}_down`, normed);
    const low = graph.unary("SILU", graph.scale(down));
    const gate = graph.unary("SIGMOID", this.b.multiply(`${prefix}_up`, low));
    const gated = graph.reshape(graph.multiply(normed, gate), this.#width, this.#streams, tokens);
    const stream = () => graph.view(gated, [this.#width, tokens], gated.s2);
    let mixed = graph.contiguous(stream());
    for (let index = 1; index < this.#streams; index++) mixed = graph.add(mixed, stream());
    mixed = graph.scale(mixed);
    // The gated streams may lie over the normed ones unless those are still wanted.
    const injects = this.b.has(`${prefix}_inject`);
    return { mixed, inject: injects ? this.b.multiply(`${prefix}_inject`, normed) : mixed };
  }

  /** `build_hc_combine` */
  #combine(residual: Tensor, output: Tensor, inject: Tensor): Tensor {
    const { graph } = this.b;
    const shares = graph.scale(graph.unary("SIGMOID", graph.scale(inject)));
    const weights = graph.reshape(shares, 1, this.#streams, residual.n2);
    return graph.add(residual, graph.multiply(this.#widen(output), weights));
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

  #groupNorm(x: Tensor, name: string): Tensor {
    const { graph, tokens } = this.b;
    const all = this.#width * this.#streams;
    const normed = graph.rmsNorm(graph.reshape(x, this.#width, this.#streams, tokens));
    const weighted = graph.multiply(graph.reshape(normed, all, tokens), this.b.need(name));
    return graph.reshape(weighted, this.#width, this.#streams, tokens);
  }

  /** `build_ple`: n-grams gated by the layer's input, then a convolution with holes. */
  #addNgrams(layer: number, ngrams: Tensor, hidden: Tensor): Tensor {
    const { b } = this;
    const { graph, plan, tokens } = b;
    const prefix = `blk.${layer}.ple_`;
    const { convolutionKernel, ngramSize } = b.hyperparameters.ngramEmbedding;
    const all = this.#width * this.#streams;
    const key = this.#groupNorm(b.multiply(`${prefix}key`, ngrams), `${prefix}norm_key`);
    const value = b.multiply(`${prefix}value`, ngrams);
    const query = this.#groupNorm(hidden, `${prefix}norm_query`);
    const similarity = graph.scale(graph.sumRows(graph.multiply(key, query)));
    const size = graph.squareRoot(graph.clamp(graph.unary("ABS", similarity)));
    const signed = graph.multiply(graph.unary("SGN", similarity), size);
    const gated = graph.multiply(this.#widen(value), graph.unary("SIGMOID", signed));
    const perSequence = sequenceTokens(b);
    const flat = graph.reshape(gated, all, tokens);
    const grouped = graph.reshape(this.#groupNorm(flat, `${prefix}norm_conv`), all, tokens);
    const normed = bySequence(b, grouped, all);
    const count = (convolutionKernel - 1) * ngramSize;
    const padded = joinState(b, layer, normed, { count, copies: true, byRow: true });
    let sum: Tensor | undefined;
    for (let index = 0; index < convolutionKernel; index++) {
      const shape = [perSequence, all, plan.sequences];
      const columns = graph.view(padded, shape, padded.s1, padded.s2);
      const shifted = graph.contiguous(graph.transpose(columns));
      const kernel = b.need(`${prefix}conv1d`);
      const column = graph.contiguous(graph.view(kernel, [1, all], kernel.s1));
      let weights = graph.reshape(column, all);
      if (weights.type !== F32) weights = graph.cast(weights, F32);
      const term = graph.multiply(shifted, weights);
      sum = sum === undefined ? term : graph.add(sum, term);
    }
    const convolved = graph.contiguous(graph.unary("SILU", sum ?? normed));
    const shaped = graph.reshape(convolved, this.#width, this.#streams, tokens);
    return graph.add(hidden, graph.add(gated, shaped));
  }

  #attend(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { recurrentLayers, compressRatios, indexer } = b.hyperparameters;
    if (recurrentLayers[layer]) return deltaNetLayer(b, layer, x, DELTA_NET);
    const ratio = compressRatios[layer] ?? 0;
    if (indexer.keyLength === 0 || ratio === 0) return gatedQueryAttention(b, layer, x);
    const chosen = this.#indexer.choose(layer, x, ratio);
    return gatedQueryAttention(b, layer, x, { remask: (mask) => unmaskChosen(b, mask, chosen) });
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
      streams.layer = layer;
    }
    const head = this.#mix(streams, "output_hc").mixed;
    head.isOutput = true;
    b.logits(head);
  }
}

export const ARCHITECTURES: Family = family({
  "qwen4exp": attentionAndState("models/qwen4exp.cpp", {
    scalesSharedExpert: true,
    graphNodes: MANY_GRAPH_NODES,
    graph: (b) => new Qwen4Exp(b).build(),
    loads: qwen4ExpLoads,
    recurrentLayers: { interval: 4 },
    cachedLayers: "text",
    indexerLayers: "cached",
    state: "state-space",
    positionsPerToken: 4,
    scalesExperts: true,
    outputsHyperConnections: true,
  }),
});
