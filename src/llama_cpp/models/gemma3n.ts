import { attentionCache, type Family, family } from "./architecture.ts";
import { attention, projectQueryKeyValue } from "../graph/blocks/attention.ts";
import type { Builder } from "../graph/builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import { gemmaAttention, perLayerInputs, slice } from "./gemma4.ts";
import { begin, end } from "../graph/transformer.ts";

/** Streams beside the model's own, its own included (`n_altup`). */
const STREAMS = 4;
/** Layers whose gates keep their largest values only (src/models/models.h, `n_layer_sparsity`). */
const SPARSE_LAYERS = 10;

/** src/models/gemma3n.cpp */
class Gemma3n {
  constructor(readonly b: Builder) {}

  #magnitude(x: Tensor): Tensor {
    const { graph } = this.b;
    return graph.sumRows(graph.map(x));
  }

  /** Streams as long as the model's own. */
  #rescale(x: Tensor, target: Tensor): Tensor {
    const { graph } = this.b;
    return graph.inPlace(graph.inPlace(x, target), this.#magnitude(x));
  }

  #otherStreams(x: Tensor): Tensor {
    return this.b.graph.view(x, [x.n0, x.n1, STREAMS - 1], x.s1, x.s2);
  }

  #begin(x: Tensor): Tensor {
    const { graph } = this.b;
    const target = this.#magnitude(x);
    const added = this.b.multiply("altup_proj", graph.repeat(x, x.n0, x.n1, STREAMS - 1));
    return graph.concat(x, this.#rescale(added, target), 2);
  }

  /** `altup_compute_router_modalities` */
  #route(layer: number, x: Tensor): Tensor {
    return this.b.multiply(`blk.${layer}.altup_router`, this.b.graph.rmsNorm(x));
  }

  #predict(layer: number, x: Tensor): Tensor {
    const { graph } = this.b;
    const routed = this.#route(layer, slice(this.b, x));
    const name = `blk.${layer}.altup_predict_coef`;
    const coefficients = this.b.heads(name, routed, STREAMS, STREAMS);
    const streams = graph.contiguous(graph.permute(x, [1, 2, 0, 3]));
    const mixed = graph.multiplyMatrix(streams, coefficients);
    const predictions = graph.contiguous(graph.permute(mixed, [0, 2, 1, 3]));
    return graph.add(predictions, x);
  }

  #correct(layer: number, predictions: Tensor, active: Tensor): Tensor {
    const { graph, tokens } = this.b;
    const routed = this.#route(layer, active);
    const innovation = graph.inPlace(active, slice(this.b, predictions));
    const all = this.b.multiply(`blk.${layer}.altup_correct_coef`, routed);
    const coefficients = graph.contiguous(graph.transpose(all), 1, tokens, STREAMS);
    const repeated = graph.repeat(innovation, active.n0, tokens, STREAMS);
    return graph.add(graph.inPlace(repeated, coefficients), predictions);
  }

  #laurel(layer: number, x: Tensor): Tensor {
    const { graph } = this.b;
    const low = this.b.multiply(`blk.${layer}.laurel_l`, x);
    return graph.add(graph.rmsNorm(this.b.multiply(`blk.${layer}.laurel_r`, low)), x);
  }

  /** `gaussian_topk`: what lies far above a row's mean. */
  #keepLargest(x: Tensor): Tensor {
    const { graph } = this.b;
    const mean = graph.sumRows(x);
    const deviation = graph.sumRows(graph.inPlace(x, mean));
    return graph.inPlace(x, graph.inPlace(mean, deviation));
  }

  #feed(layer: number, x: Tensor): Tensor {
    const { graph } = this.b;
    const up = this.b.multiply(`blk.${layer}.ffn_up`, x);
    const gate = this.b.multiply(`blk.${layer}.ffn_gate`, x);
    const kept = layer < SPARSE_LAYERS ? this.#keepLargest(gate) : gate;
    return this.b.multiply(`blk.${layer}.ffn_down`, graph.multiply(up, kept));
  }

  #attend(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { graph } = b;
    if (layer >= b.hyperparameters.cachedLayerCount) return gemmaAttention(b, layer, x);
    const { q, k, v } = projectQueryKeyValue(b, layer, x);
    return attention(b, layer, {
      q: b.rope(graph.rmsNorm(q)),
      k: b.rope(graph.rmsNorm(k)),
      v: graph.rmsNorm(v),
    });
  }

  #layer(layer: number, x: Tensor, perLayer: Tensor): Tensor {
    const { b } = this;
    const { graph } = b;
    const prefix = `blk.${layer}.`;
    const predictions = this.#predict(layer, x);
    const active = slice(b, predictions);
    const normed = graph.rmsNorm(active);
    const laurel = this.#laurel(layer, normed);
    const attended = graph.add(graph.rmsNorm(this.#attend(layer, normed)), active);
    const middle = graph.add(attended, laurel);
    const fed = graph.rmsNorm(this.#feed(layer, graph.rmsNorm(middle)));
    const corrected = this.#correct(layer, predictions, graph.add(fed, middle));
    const first = graph.map(slice(b, corrected));
    const gate = b.multiply(`${prefix}inp_gate`, first);
    const gated = b.multiply(`${prefix}proj`, graph.multiply(gate, slice(b, perLayer)));
    const rest = graph.add(this.#otherStreams(corrected), graph.rmsNorm(gated));
    return graph.concat(slice(b, corrected), rest, 2);
  }

  #join(x: Tensor): Tensor {
    const { graph } = this.b;
    const target = this.#magnitude(slice(this.b, x));
    const others = this.b.multiply("altup_unembd_proj", this.#otherStreams(x));
    const rescaled = this.#rescale(others, target);
    let sum = slice(this.b, x);
    for (let index = 1; index < STREAMS; index++) sum = graph.add(sum, slice(this.b, rescaled));
    return sum;
  }

  build(): void {
    const { b } = this;
    const embedded = begin(b, {});
    const perLayer = perLayerInputs(b, embedded);
    if (perLayer === undefined) throw new Error("Gemma 3n has embeddings for each layer");
    let x = this.#begin(embedded);
    for (const layer of b.layers((layer) => layer < SPARSE_LAYERS ? 1 : 0)) {
      x = this.#layer(layer, x, perLayer);
    }
    end(b, {}, b.onlyOutputs(this.#join(x)));
  }
}

export const ARCHITECTURES: Family = family({
  "gemma3n": attentionCache("models/gemma3n.cpp", {
    graph: (b) => new Gemma3n(b).build(),
    slidingWindow: { pattern: { period: 5 } },
    ownCaches: 20,
  }),
});
