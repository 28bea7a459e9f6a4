import { indexerLayers, keyValueLayers } from "./cached_layers.ts";
import { CELL_PADDING, type ContextSizes, usesFlashAttention } from "./context_sizes.ts";
import { cacheType, type GgmlType, rowBytes } from "../ggml/types.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { FootprintOptions } from "../options.ts";
import { padTo, TENSOR_ALIGNMENT } from "../ggml/tensor_bytes.ts";

/** Tokens that DeepSeek-V4 makes one compressed key of (llama-kv-cache-dsv4.cpp). */
export const COMPRESSED_SPARSE_RATIO = 4;
export const COMPRESSED_HEAVY_RATIO = 128;

/** Bytes of a tensor of `rows` rows in a buffer (ggml.c, `ggml_nbytes`, which rounds down). */
function bufferBytes(type: GgmlType, elements: number, rows: number): number {
  if (elements <= 0 || rows <= 0) return 0;
  const last = Math.floor(elements * type.blockBytes / type.blockElements);
  return padTo((rows - 1) * rowBytes(type, elements) + last, TENSOR_ALIGNMENT);
}

/** Elements of a layer's part of a cell. */
type SizeOf = (layer: number) => number;

/** Elements of a cell, by layer. */
interface CellSizes {
  readonly key: SizeOf;
  /** Absent where keys alone are cached. */
  readonly value?: SizeOf;
}

/** Bytes of a cache on some layers (llama-kv-cache.cpp, the constructor). */
function cacheBytes(
  layers: readonly number[],
  { key, value }: CellSizes,
  rows: number,
  options: FootprintOptions,
): number {
  const keyType = cacheType(options.kvCacheKeyType);
  const valueType = cacheType(options.kvCacheValueType);
  return layers.reduce((bytes, layer) => {
    const values = value === undefined ? 0 : bufferBytes(valueType, value(layer), rows);
    return bytes + bufferBytes(keyType, key(layer), rows) + values;
  }, 0);
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
function compressedCacheBytes(
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
): number {
  const { key } = cellSizes(shape, true);
  const all = shape.keyLengths.map((_, layer) => layer);
  const compressed = (ratio: number, size: SizeOf) => {
    const layers = all.filter((layer) => shape.compressRatios[layer] === ratio);
    const rows = compressedCells(sizes.cells, ratio) * sizes.streams;
    return cacheBytes(layers, { key: size }, rows, options);
  };
  return cacheBytes(all, { key }, sizes.windowCells * sizes.streams, options) +
    compressed(COMPRESSED_SPARSE_RATIO, key) + compressed(COMPRESSED_HEAVY_RATIO, key) +
    compressed(COMPRESSED_SPARSE_RATIO, () => shape.indexer.keyLength);
}

/**
 * Bytes of the key-value cache as llama.cpp allocates it: exact, with each tensor padded
 * to 32 bytes (llama-kv-cache*.cpp, `create_memory` in llama-model.cpp).
 */
export function kvCacheBytes(
  shape: Hyperparameters,
  sizes: ContextSizes,
  options: FootprintOptions,
): number {
  if (shape.rules.memory === "compressed") return compressedCacheBytes(shape, sizes, options);
  const flashAttention = usesFlashAttention(shape, options);
  const cell = cellSizes(shape, flashAttention);
  const slides = (layer: number) => shape.slidingWindowLayers[layer] === true;
  const layers = keyValueLayers(shape);
  const full = layers.filter((layer) => !slides(layer));
  const rows = sizes.cells * sizes.streams;
  return cacheBytes(full, cell, rows, options) +
    cacheBytes(layers.filter(slides), cell, sizes.windowCells * sizes.streams, options) +
    cacheBytes(indexerLayers(shape), indexerCellSizes(shape, flashAttention), rows, options);
}
