import { Cache } from "./cache.ts";
import { Graph } from "../ggml/graph.ts";
import { layerKinds, layersToBuild } from "./layers.ts";
import type { HeaderScale } from "../hyperparameters/architecture_rules.ts";
import type { Model } from "./model.ts";
import type { PlannedBatch } from "./planned_batch.ts";
import { F32, I32, type Tensor } from "../ggml/tensor.ts";

export type NormKind = "rms" | "layer";

/** Puts the operations of one architecture into a builder's graph. */
export type GraphBuilder = (b: Builder) => void;

/** Rows of a recurrent state. */
interface StateRows {
  readonly main: Tensor;
  readonly extra: Tensor;
}

/** Which layers a graph is built without, since they are like the ones before. */
export interface LeftOutLayers {
  /** Which try at it (layers.ts). */
  readonly attempt: number;
  /** It is known to change nothing, so that one period of them is enough. */
  readonly isProven?: boolean;
}

/**
 * What the builders of all architectures share (llama-graph.cpp, `llm_graph_context`): the graph,
 * the model, the batch, and the inputs, each made when first asked for.
 *
 * Every node that llama.cpp makes is there, in its order, also those that write over an operand and
 * need no memory: where a device computes, each node is given to a backend by itself.
 */
export class Builder {
  readonly graph = new Graph();
  readonly cache: Cache;
  #tokenIds: Tensor | undefined;
  #positions: Tensor | undefined;
  #outputIds: Tensor | undefined;
  #attentionScale: Tensor | undefined;
  #batchMask: Tensor | undefined;
  #stateRows: StateRows | undefined;

  constructor(
    readonly model: Model,
    readonly plan: PlannedBatch,
    readonly leftOut: LeftOutLayers = { attempt: 0 },
  ) {
    this.cache = new Cache(this.graph, model, plan);
  }

  get keys() {
    return this.model.keys;
  }

  get hyperparameters() {
    return this.model.hyperparameters;
  }

  /**
   * Layers to build, by their number in the file; the last one is always among them.
   *
   * @param more what an architecture does differently by layer, beside what every layer's kind is
   */
  layers(more: (layer: number) => number = () => 0): Generator<number> {
    return this.layersOf(layerKinds(this.model, more));
  }

  /** The same by numbers that are equal where layers are alike. */
  *layersOf(kinds: readonly number[]): Generator<number> {
    const { layers, groups } = layersToBuild(kinds, this.leftOut.attempt);
    const [, second = 0, end = 0] = this.leftOut.isProven ? groups ?? [] : [];
    for (const [index, layer] of layers.entries()) {
      if (index >= second && index < end) continue;
      if (groups?.includes(index)) this.graph.groupStarts.push(this.graph.nodes.length);
      yield layer;
    }
  }

  get tokens(): number {
    return this.plan.tokens;
  }

  weight(name: string): Tensor | undefined {
    return this.model.find(`${name}.weight`) ?? this.model.find(name);
  }

  /** A weight that the architecture can't do without; a stand-in keeps broken headers harmless. */
  need(name: string): Tensor {
    const found = this.weight(name);
    if (found !== undefined) return found;
    throw new MissingWeight(name);
  }

  /** One position for each token, four for models that see images (`n_pos_per_embd`). */
  get positions(): Tensor {
    return this.#positions ??= this.graph.input(I32, [this.tokens * this.positionsPerToken]);
  }

  /** `llama_hparams::n_pos_per_embd` */
  get positionsPerToken(): number {
    const { rules, ropeSections: [first = 0, second = 0] } = this.hyperparameters;
    if (rules.positionsPerToken !== "by-sections") return rules.positionsPerToken ?? 1;
    return first > 0 && second > 0 ? 4 : 1;
  }

  /** `build_inp_attn_scale` */
  get attentionScale(): Tensor {
    return this.#attentionScale ??= this.graph.input(F32, [1, 1, this.tokens]);
  }

  /** Who may look at whom within a batch, where there is no cache (`build_attn_inp_no_cache`). */
  get batchMask(): Tensor {
    return this.#batchMask ??= this.graph.input(this.plan.maskType, [
      this.tokens,
      this.tokens,
    ]);
  }

  /** Which rows of a state are read: the sequences of the batch, and nothing more (`build_rs_inp`). */
  get stateRows(): StateRows {
    if (this.#stateRows !== undefined) return this.#stateRows;
    const { sequences } = this.plan;
    const rows = this.graph.input(I32, [sequences]);
    const main = this.graph.view(rows, [sequences]);
    return this.#stateRows = { main, extra: this.graph.view(rows, [0]) };
  }

  get outputIds(): Tensor {
    return this.#outputIds ??= this.graph.input(I32, [this.plan.outputs]);
  }

  /** Keeps the tokens whose logits are wanted. */
  onlyOutputs(x: Tensor): Tensor {
    return this.graph.getRows(x, this.outputIds);
  }

  /** The batch's tokens. */
  get tokenIds(): Tensor {
    return this.#tokenIds ??= this.graph.input(I32, [this.tokens]);
  }

  /** `build_inp_embd`: by token, with the path for ready embeddings beside it. */
  embed(): Tensor {
    const { graph } = this;
    const width = this.hyperparameters.embeddingLength;
    const inputWidth = Math.max(width, this.hyperparameters.inputEmbeddingLength);
    const ids = this.tokenIds;
    const ready = graph.input(F32, [inputWidth, this.tokens]);
    let x = graph.getRows(this.need("token_embd"), ids);
    if (inputWidth !== width) x = graph.pad(x, inputWidth - width);
    graph.expand(x);
    graph.expand(ready);
    this.embedded = x;
    if (inputWidth !== width) x = graph.view(x, [width, this.tokens], x.s1);
    if (this.hasScale("embedding_scale")) {
      if (inputWidth !== width) x = graph.contiguous(x);
      x = graph.scale(x);
    }
    return graph.expand(x);
  }

  /** Scales by a number of the header, where the architecture reads it and it is there. */
  scaleBy(key: HeaderScale, x: Tensor): Tensor {
    return this.hasScale(key) ? this.graph.scale(x) : x;
  }

  hasScale(key: HeaderScale): boolean {
    const whereMissing = this.hyperparameters.rules.scales?.[key];
    return whereMissing !== undefined && this.keys.real(key, whereMissing) !== 0;
  }

  /** As wide as the input, where images bring more than one embedding. */
  embedded: Tensor | undefined;

  /** A further embedding of an image, which some layers get (src/models/granite.cpp, qwen3vl.cpp). */
  addImage(x: Tensor): Tensor {
    const { embedded, graph } = this;
    if (embedded === undefined) return x;
    const { embeddingLength } = this.hyperparameters;
    return graph.add(x, graph.view(embedded, [embeddingLength, this.tokens], embedded.s1));
  }

  /** A matrix of the file, with the scale and then the bias that the file has for it. */
  multiply(name: string, x: Tensor): Tensor {
    return this.addBias(name, this.multiplyScaled(name, x));
  }

  /** The same without a bias (`build_lora_mm`). */
  multiplyScaled(name: string, x: Tensor): Tensor {
    return this.applyScale(name, this.multiplyMatrix(name, x));
  }

  /** The matrix alone. */
  multiplyMatrix(name: string, x: Tensor): Tensor {
    return this.graph.multiplyMatrix(this.need(name), x);
  }

  applyScale(name: string, x: Tensor): Tensor {
    const scale = this.model.findScale(name);
    return scale === undefined ? x : this.graph.multiply(x, scale);
  }

  addBias(name: string, x: Tensor): Tensor {
    const bias = this.model.findBias(name);
    return bias === undefined ? x : this.graph.add(x, bias);
  }

  /** The same where the file has the matrix, else `x` itself. */
  multiplyIfThere(name: string, x: Tensor): Tensor {
    return this.has(name) ? this.multiply(name, x) : x;
  }

  /** The same with the heads of each token apart. */
  heads(name: string, x: Tensor, length: number, count: number): Tensor {
    return this.graph.reshape(this.multiply(name, x), length, count, x.n1);
  }

  has(name: string): boolean {
    return this.weight(name) !== undefined;
  }

  /**
   * `build_norm`, with the weight and the bias that the file has of this name.
   *
   * @param layer whose it is: the one in the name unless said, −1 for none
   */
  norm(x: Tensor, kind: NormKind, name: string, layer: number = layerIn(name)): Tensor {
    const { graph } = this;
    const weight = this.weight(name);
    const bias = this.model.findBias(name);
    let y = kind === "rms" ? graph.rmsNorm(x) : graph.norm(x);
    if (weight !== undefined || bias !== undefined) y.layer = layer;
    if (weight !== undefined) y = graph.multiply(y, weight);
    return bias === undefined ? y : graph.add(y, bias);
  }

  /** A layer's own frequencies, where the file has any, unless the layer is left out. */
  rope(x: Tensor, layer?: number): Tensor {
    const factors = layer === undefined ? undefined : this.#ropeFactors(layer);
    return this.graph.rope(x, this.positions, factors);
  }

  /** `get_rope_factors`: one set for all contexts, or one for those longer than trained with. */
  #ropeFactors(layer: number): Tensor | undefined {
    const { model, hyperparameters: { trainContextLength } } = this;
    const all = model.copyFor(layer, "rope_freqs.weight");
    if (all !== undefined || !model.has("rope_factors_long.weight")) return all;
    const original = this.keys.number("rope.scaling.original_context_length") ?? trainContextLength;
    const length = this.plan.cells > original ? "long" : "short";
    return model.copyFor(layer, `rope_factors_${length}.weight`);
  }

  /** The last norm: its result stays readable as the embedding (`t_embd`). */
  finish(x: Tensor, kind: NormKind, name = "output_norm"): Tensor {
    const y = this.norm(x, kind, name);
    y.isOutput = true;
    return this.scalesEmbedding ? this.graph.scale(y) : y;
  }

  /** Whether the embedding is scaled before the logits, which needs a copy. */
  scalesEmbedding = false;

  /** The logits, from the embedding matrix where the file has no other. */
  logits(x: Tensor): void {
    const { graph } = this;
    const output = this.weight("output") ?? this.#tiedOutput();
    // The file may have a scale and a bias for it, whichever matrix it is.
    let y = this.addBias("output", this.applyScale("output", graph.multiplyMatrix(output, x)));
    y = this.scaleBy("logit_scale", y);
    if (this.hasScale("final_logit_softcapping")) y = this.softCap(y);
    if (this.afterLogits !== undefined) y = this.afterLogits(y);
    y.isOutput = true;
    graph.expand(y);
  }

  #tiedOutput(): Tensor {
    const isOwn = this.hyperparameters.rules.multipliesEmbedding !== true;
    return (isOwn ? this.model.tiedOutput() : undefined) ?? this.need("token_embd");
  }

  /** What an architecture makes of its logits. */
  afterLogits: ((logits: Tensor) => Tensor) | undefined;

  /** `tanh` between two scales. */
  softCap(x: Tensor): Tensor {
    const { graph } = this;
    return graph.scale(graph.unary("TANH", graph.scale(x)));
  }
}

/** The layer in a weight's name, −1 where it has none. */
function layerIn(name: string): number {
  return name.startsWith("blk.") ? parseInt(name.slice(4), 10) : -1;
}

/** The file lacks a weight that the graph needs. */
export class MissingWeight extends Error {
  constructor(readonly weightName: string) {
    super(`Missing weight ${weightName}`);
  }
}
