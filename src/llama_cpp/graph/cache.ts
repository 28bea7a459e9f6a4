import { isQuantized } from "../ggml/types.ts";
import type { Graph } from "../ggml/graph.ts";
import type { Model } from "./model.ts";
import type { PlannedBatch } from "./planned_batch.ts";
import { F32, I64, LEAF, Tensor } from "../ggml/tensor.ts";

/** Inputs of one cache: where new keys and values go, and who may look at whom. */
export interface CacheInputs {
  readonly cells: number;
  readonly keyIndices: Tensor;
  readonly valueIndices: Tensor;
  readonly mask: Tensor;
  /** Hadamard matrix for quantized keys (`attn_rot_k`). */
  readonly keyRotation: Tensor | undefined;
  readonly valueRotation: Tensor | undefined;
}

/**
 * The matrix that rotates heads of this length before they are quantized; its side is the largest
 * power of two from 64 that divides the head (llama-kv-cache.cpp). A header may claim heads of
 * nothing, which everything divides.
 */
export function rotationMatrix(graph: Graph, headLength: number): Tensor {
  let side = 64;
  while (headLength > 0 && headLength % (side * 2) === 0) side *= 2;
  return graph.input(F32, [side, side]);
}

/** Views of the attention cache and the inputs that go with it (llama-kv-cache.cpp). */
export class Cache {
  readonly #inputs: (CacheInputs | undefined)[] = [undefined, undefined];
  readonly #layers = new Map<number, { key: Tensor; value: Tensor }>();
  readonly #widestValue: number;

  constructor(readonly graph: Graph, readonly model: Model, readonly plan: PlannedBatch) {
    const { keyValueHeadCounts, valueLengths, allLayerCount } = model.hyperparameters;
    let widest = 0;
    for (let layer = 0; layer < allLayerCount; layer++) {
      widest = Math.max(widest, (keyValueHeadCounts[layer] ?? 0) * (valueLengths[layer] ?? 0));
    }
    this.#widestValue = widest;
  }

  /** Values lie transposed unless flash attention reads them. */
  get isTransposed(): boolean {
    return !this.plan.flashAttention;
  }

  inputs(sliding: boolean): CacheInputs {
    const index = sliding ? 1 : 0;
    return this.#inputs[index] ??= this.makeInputs(
      sliding ? this.plan.slidingCells : this.plan.cells,
      sliding,
    );
  }

  makeInputs(cells: number, sliding: boolean): CacheInputs {
    const { graph, plan } = this;
    const { keyLengths, valueLengths, usesLatentAttention, rules } = this.model.hyperparameters;
    // `build_inp_mem_hybrid_iswa` makes no rotations.
    const isRotated = !(this.#splits && rules.memory === "hybrid");
    const key = isRotated ? this.#commonLength(keyLengths, sliding) : 0;
    const value = isRotated && !usesLatentAttention ? this.#commonLength(valueLengths, sliding) : 0;
    const rotatesKeys = isQuantized(plan.keyType) && key > 0 && (keyLengths[0] ?? 1) % 64 === 0;
    const rotatesValues = isQuantized(plan.valueType) && value > 0 &&
      (valueLengths[0] ?? 1) % 64 === 0;
    return {
      cells,
      keyIndices: graph.input(I64, [plan.tokens]),
      valueIndices: graph.input(I64, [plan.tokens * (this.isTransposed ? this.#widestValue : 1)]),
      mask: this.mask(cells),
      keyRotation: rotatesKeys ? rotationMatrix(graph, key) : undefined,
      valueRotation: rotatesValues ? graph.input(F32, [64, 64]) : undefined,
    };
  }

  /** The length that all layers of one cache share, 0 where they differ (`n_embd_head_k_all`). */
  #commonLength(lengths: readonly number[], sliding: boolean): number {
    const { allLayerCount, slidingWindowLayers, keyValueHeadCounts, cachedLayerCount } =
      this.model.hyperparameters;
    let common = 0;
    for (let layer = 0; layer < Math.min(allLayerCount, cachedLayerCount); layer++) {
      if (this.#splits && (slidingWindowLayers[layer] ?? false) !== sliding) continue;
      if (keyValueHeadCounts[layer] === 0) continue;
      const length = lengths[layer] ?? 0;
      if (common !== 0 && common !== length) return 0;
      common = length;
    }
    return common;
  }

  get #splits(): boolean {
    return this.model.hyperparameters.slidingWindowKind !== "none";
  }

  /** `build_attn_inp_kq_mask` */
  mask(cells: number, type = this.plan.maskType): Tensor {
    const { tokens, sequences } = this.plan;
    return this.graph.input(type, [cells, tokens / sequences, 1, sequences]);
  }

  /** A layer's memory outside the compute buffer, such as an indexer's cache of keys. */
  external(layer: number, type: number, shape: readonly number[]): Tensor {
    const tensor = new Tensor(type, shape, undefined, LEAF);
    tensor.isExternal = true;
    tensor.layer = layer;
    return tensor;
  }

  /** Which layer's cache this one reads: later layers of some models share an earlier one's. */
  #owner(layer: number): number {
    const { cachedLayerCount, slidingWindowLayers } = this.model.hyperparameters;
    if (layer < cachedLayerCount) return layer;
    return cachedLayerCount - (slidingWindowLayers[layer] ? 2 : 1);
  }

  #layer(layer: number, cells: number): { key: Tensor; value: Tensor } {
    const owner = this.#owner(layer);
    const known = this.#layers.get(owner);
    if (known !== undefined) return known;
    const { keyValueHeadCounts, keyLengths, valueLengths } = this.model.hyperparameters;
    const heads = keyValueHeadCounts[owner] ?? 1;
    const { sequences, keyType, valueType } = this.plan;
    const valueWidth = this.isTransposed ? this.#widestValue : heads * (valueLengths[owner] ?? 0);
    const made = {
      key: this.external(owner, keyType, [heads * (keyLengths[owner] ?? 0), cells, sequences]),
      value: this.external(owner, valueType, [valueWidth, cells, sequences]),
    };
    this.#layers.set(owner, made);
    return made;
  }

  keys(layer: number, cells: number): Tensor {
    const { key } = this.#layer(layer, cells);
    const { keyValueHeadCounts, keyLengths } = this.model.hyperparameters;
    const length = keyLengths[layer] ?? 0;
    const heads = keyValueHeadCounts[layer] ?? 1;
    const shape = [length, heads, cells, this.plan.sequences];
    return this.graph.view(key, shape, undefined, key.s1, key.s2);
  }

  values(layer: number, cells: number): Tensor {
    const { value } = this.#layer(layer, cells);
    const { keyValueHeadCounts, valueLengths } = this.model.hyperparameters;
    const length = valueLengths[layer] ?? 0;
    const heads = keyValueHeadCounts[layer] ?? 1;
    const { sequences } = this.plan;
    if (!this.isTransposed) {
      const shape = [length, heads, cells, sequences];
      return this.graph.view(value, shape, undefined, value.s1, value.s2);
    }
    const row = cells * value.elementBytes;
    return this.graph.view(value, [cells, heads, length, sequences], row * length, row, value.s2);
  }

  storeKeys(layer: number, keys: Tensor, inputs: CacheInputs): Tensor {
    return this.storeIn(this.#layer(layer, inputs.cells).key, keys, inputs.keyIndices);
  }

  storeValues(layer: number, values: Tensor, inputs: CacheInputs): Tensor {
    const { graph } = this;
    const { value } = this.#layer(layer, inputs.cells);
    if (!this.isTransposed) return this.storeIn(value, values, inputs.valueIndices);
    const width = values.n0 * values.n1;
    const tokens = values.n2;
    let rows = values.s2 === width * values.elementBytes
      ? graph.reshape(values, width, tokens)
      : graph.contiguous(values, width, tokens);
    if (width < value.n0) rows = graph.pad(rows, value.n0 - width);
    const flat = graph.reshape(value, 1, value.elements);
    rows = graph.reshape(rows, 1, rows.elements);
    return graph.setRows(flat, rows, inputs.valueIndices);
  }

  /** Rows of whole heads into a cache of any kind. */
  storeIn(cache: Tensor, rows: Tensor, indices: Tensor): Tensor {
    const { graph } = this;
    const merged = graph.view(rows, [rows.n0 * rows.n1, rows.n2], rows.s2);
    const target = cache.n2 > 1 ? graph.reshape(cache, cache.n0, cache.n1 * cache.n2) : cache;
    return graph.setRows(target, merged, indices);
  }

  /** What a cache of keys alone holds, as attention reads it. */
  keysIn(cache: Tensor): Tensor {
    const { n0, n1, n2, s1, s2 } = cache;
    return this.graph.view(cache, [n0, 1, n1, n2], undefined, s1, s2);
  }
}
