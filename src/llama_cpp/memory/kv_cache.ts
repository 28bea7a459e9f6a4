import { indexerLayers, keyValueLayers } from "./cached_layers.ts";
import { CELL_PADDING, type ContextSizes, usesFlashAttention } from "./context_sizes.ts";
import { cacheType, type GgmlType, rowBytes } from "../ggml/types.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { padTo } from "../ggml/tensor_bytes.ts";
import { bufferBytes, type BufferType, RAM_BUFFER } from "../ggml/buffer_type.ts";
import { sum } from "../../budget/sum.ts";

/** Tokens that DeepSeek-V4 makes one compressed key of (llama-kv-cache-dsv4.cpp). */
export const COMPRESSED_SPARSE_RATIO = 4;
export const COMPRESSED_HEAVY_RATIO = 128;

/** In which kind of buffer a layer's cache lies. */
export type BufferOf = (layer: number) => BufferType;

const inRam: BufferOf = () => RAM_BUFFER;

/** Bytes of a tensor of `rows` rows in a buffer (ggml.c, `ggml_nbytes`, which rounds down). */
function cacheTensorBytes(
  buffer: BufferType,
  type: GgmlType,
  elements: number,
  rows: number,
): number {
  if (elements <= 0 || rows <= 0) return 0;
  const last = Math.floor(elements * type.blockBytes / type.blockElements);
  const bytes = (rows - 1) * rowBytes(type, elements) + last;
  return bufferBytes(buffer, { type, n0: elements, bytes });
}

/** Bytes by layer of the file. */
export type LayerBytes = Map<number, number>;

/** Elements of a layer's part of a cell. */
type SizeOf = (layer: number) => number;

/** Elements of a cell, by layer. */
interface CellSizes {
  readonly key: SizeOf;
  /** Absent where keys alone are cached. */
  readonly value?: SizeOf;
}

/** Adds the bytes of a cache on some layers (llama-kv-cache.cpp, the constructor). */
class CacheBytes {
  readonly byLayer: LayerBytes = new Map();

  constructor(
    private readonly options: FootprintOptions,
    private readonly bufferOf: BufferOf,
  ) {}

  add(layers: readonly number[], { key, value }: CellSizes, rows: number): void {
    const keyType = cacheType(this.options.kvCacheKeyType);
    const valueType = cacheType(this.options.kvCacheValueType);
    for (const layer of layers) {
      const buffer = this.bufferOf(layer);
      const values = value === undefined
        ? 0
        : cacheTensorBytes(buffer, valueType, value(layer), rows);
      const bytes = cacheTensorBytes(buffer, keyType, key(layer), rows) + values;
      this.byLayer.set(layer, (this.byLayer.get(layer) ?? 0) + bytes);
    }
  }
}

/**
 * Elements of values by layer: without flash attention they lie transposed, and every layer gets
 * the widest layer's.
 */
function valueSizes(shape: Hyperparameters, heads: SizeOf, flashAttention: boolean): SizeOf {
  const size = (layer: number) => (shape.valueLengths[layer] ?? 0) * heads(layer);
  if (flashAttention) return size;
  const widest = shape.valueLengths.reduce((most, _, layer) => Math.max(most, size(layer)), 0);
  return () => widest;
}

function cellSizes(shape: Hyperparameters, flashAttention: boolean): CellSizes {
  const heads = (layer: number) => shape.keyValueHeadCounts[layer] ?? 0;
  const key = (layer: number) => (shape.keyLengths[layer] ?? 0) * heads(layer);
  if (shape.usesLatentAttention) return { key };
  return { key, value: valueSizes(shape, heads, flashAttention) };
}

/** An indexer's cache is shaped like attention's with one head of its own key length. */
function indexerCellSizes(shape: Hyperparameters, flashAttention: boolean): CellSizes {
  const key = (layer: number) =>
    shape.slidingWindowLayers[layer] ? shape.keyLengths[layer] ?? 0 : shape.indexer.keyLength;
  if (shape.usesLatentAttention) return { key };
  return { key, value: valueSizes(shape, () => 1, flashAttention) };
}

/** Cells of a sequence's compressed keys, each made of `ratio` tokens. */
export function compressedCells(cells: number, ratio: number): number {
  return padTo(Math.max(1, Math.ceil(cells / ratio)), CELL_PADDING);
}

/** DeepSeek-V4: raw keys of the window on all layers, compressed ones by each layer's ratio. */
function addCompressedCache(cache: CacheBytes, shape: Hyperparameters, sizes: ContextSizes): void {
  const { key } = cellSizes(shape, true);
  const all = shape.keyLengths.map((_, layer) => layer);
  const addCompressed = (ratio: number, size: SizeOf) => {
    const layers = all.filter((layer) => shape.compressRatios[layer] === ratio);
    cache.add(layers, { key: size }, compressedCells(sizes.cells, ratio) * sizes.streams);
  };
  cache.add(all, { key }, sizes.windowCells * sizes.streams);
  addCompressed(COMPRESSED_SPARSE_RATIO, key);
  addCompressed(COMPRESSED_HEAVY_RATIO, key);
  addCompressed(COMPRESSED_SPARSE_RATIO, () => shape.indexer.keyLength);
}

/** Bytes of the key-value cache by layer, in the kind of buffer that each layer's lies in. */
export function kvCacheLayers(
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
  bufferOf: BufferOf = inRam,
): LayerBytes {
  const cache = new CacheBytes(options, bufferOf);
  if (shape.rules.memory === "compressed") {
    addCompressedCache(cache, shape, sizes);
    return cache.byLayer;
  }
  const flashAttention = usesFlashAttention(shape, options);
  const cell = cellSizes(shape, flashAttention);
  const slides = (layer: number) => shape.slidingWindowLayers[layer] === true;
  const layers = keyValueLayers(shape);
  const rows = sizes.cells * sizes.streams;
  cache.add(layers.filter((layer) => !slides(layer)), cell, rows);
  cache.add(layers.filter(slides), cell, sizes.windowCells * sizes.streams);
  cache.add(indexerLayers(shape), indexerCellSizes(shape, flashAttention), rows);
  return cache.byLayer;
}

/**
 * Bytes of the key-value cache as llama.cpp allocates it in RAM: exact, with each tensor padded
 * to 32 bytes (llama-kv-cache*.cpp, `create_memory` in llama-model.cpp).
 */
export function kvCacheBytes(
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
): number {
  return sum([...kvCacheLayers(shape, sizes, options).values()]);
}
