import { attentionCache, type Family, family } from "./architecture.ts";
import { attend, attention, headsOf } from "../graph/blocks/attention.ts";
import type { Builder } from "../graph/builder.ts";
import { F32, I32, type Tensor } from "../ggml/tensor.ts";

/** A decoder's graph with what the encoder gave it: before anything is encoded, a whole text. */
class T5Decoder {
  readonly #encoded: Tensor;
  readonly #encodedMask: Tensor;
  readonly #distances: Tensor;

  constructor(readonly b: Builder) {
    const { graph, tokens, plan } = b;
    const { trainContextLength, inputEmbeddingLength } = b.hyperparameters;
    this.#encoded = graph.input(F32, [inputEmbeddingLength, trainContextLength]);
    this.#encodedMask = graph.input(plan.maskType, [trainContextLength, tokens]);
    this.#distances = graph.input(I32, [plan.cells, tokens]);
  }

  build(): void {
    const { b } = this;
    const { graph } = b;
    const count = b.keys.real("decoder_block_count", b.hyperparameters.layerCount);
    let x = b.embed();
    for (const layer of b.layersOf(new Array(count).fill(0))) {
      const norm = (name: string, y: Tensor) =>
        b.norm(y, "rms", `dec.blk.${layer}.${name}_norm`, layer);
      const attended = graph.add(this.#ownAttention(layer, norm("attn", x)), x);
      let y = this.#crossAttention(layer, norm("cross_attn", attended));
      let residual = attended;
      if (layer === count - 1) [y, residual] = [b.onlyOutputs(y), b.onlyOutputs(residual)];
      const middle = graph.add(y, residual);
      x = graph.add(this.#feedForward(layer, norm("ffn", middle)), middle);
    }
    b.logits(b.finish(x, "rms", "dec.output_norm"));
  }

  /** Scores get a bias by distance, for which layers without one use the first layer's. */
  #ownAttention(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { graph } = b;
    const prefix = `dec.blk.${layer}.attn_`;
    const { keyLength, valueLength, queries, keyValues } = headsOf(b, layer);
    const q = b.heads(`${prefix}q`, x, keyLength, queries);
    const k = b.heads(`${prefix}k`, x, keyLength, keyValues);
    const v = b.heads(`${prefix}v`, x, valueLength, keyValues);
    const biases = b.weight(`${prefix}rel_b`) ?? b.need("dec.blk.0.attn_rel_b");
    const { n0: cells, n1: tokens } = this.#distances;
    const found = graph.getRows(biases, graph.reshape(this.#distances, cells * tokens));
    const byHead = graph.permute(graph.reshape(found, found.n0, cells, tokens), [2, 0, 1, 3]);
    const bias = graph.contiguous(byHead);
    const y = attention(b, layer, { q, k, v }, { output: false, bias });
    return b.multiply(`${prefix}o`, y);
  }

  #crossAttention(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { graph } = b;
    const prefix = `dec.blk.${layer}.cross_attn_`;
    const { keyLength, valueLength, queries, keyValues } = headsOf(b, layer);
    const q = graph.expand(b.heads(`${prefix}q`, x, keyLength, queries));
    const k = graph.expand(b.heads(`${prefix}k`, this.#encoded, keyLength, keyValues));
    const v = graph.expand(b.heads(`${prefix}v`, this.#encoded, valueLength, keyValues));
    return b.multiply(`${prefix}o`, attend(b, { q, k, v }, this.#encodedMask));
  }

  #feedForward(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const prefix = `dec.blk.${layer}.ffn_`;
    const up = b.multiplyMatrix(`${prefix}up`, x);
    const y = b.has(`${prefix}gate`)
      ? b.graph.gated("GEGLU", b.multiplyMatrix(`${prefix}gate`, x), up)
      : b.graph.unary("RELU", up);
    return b.multiplyMatrix(`${prefix}down`, y);
  }
}

/** src/models/t5.cpp; texts are encoded by a smaller graph than the one that decodes. */
export const ARCHITECTURES: Family = family({
  "t5": attentionCache("models/t5.cpp", {
    graph: (b) => new T5Decoder(b).build(),
    purpose: "encoder-decoder",
    outputsEmbedding: true,
  }),
  "t5encoder": attentionCache("models/t5encoder.cpp", { purpose: "encoder" }),
});
