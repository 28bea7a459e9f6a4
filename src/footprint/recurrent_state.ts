import { stateLayers } from "./cached_layers.ts";
import type { ContextSizes } from "./context_sizes.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import { COMPRESSED_HEAVY_RATIO, COMPRESSED_SPARSE_RATIO } from "./kv_cache.ts";
import { padTo, TENSOR_ALIGNMENT } from "./tensor_bytes.ts";

/** States are F32, whatever the cache's type. */
const ELEMENT_BYTES = 4;

function bufferBytes(elements: number): number {
  return padTo(elements * ELEMENT_BYTES, TENSOR_ALIGNMENT);
}

/** Elements of the rolling state of one sequence and layer (`n_embd_r` in llama-hparams.cpp). */
export function rollingStateElements(shape: Hyperparameters): number {
  const { wkv, stateSpace } = shape;
  if (wkv.headSize !== 0) return wkv.tokenShiftCount * shape.embeddingLength;
  if (shape.shortConvolutionCache !== 0) {
    return shape.embeddingLength * (shape.shortConvolutionCache - 1);
  }
  const kernel = stateSpace.convolutionKernel;
  if (shape.deltaHeadLength !== 0) {
    return 3 * (kernel > 0 ? kernel - 1 : 3) * (shape.headCounts[0] ?? 0) * shape.deltaHeadLength;
  }
  return Math.max(0, kernel - 1) *
    (stateSpace.innerSize + 2 * stateSpace.groupCount * stateSpace.stateSize);
}

/** Elements of the recurrent state of one sequence and layer (`n_embd_s`). */
export function stateElements(shape: Hyperparameters): number {
  const heads = shape.headCounts[0] ?? 0;
  if (shape.wkv.headSize !== 0) return shape.embeddingLength * shape.wkv.headSize;
  if (shape.deltaHeadLength !== 0) return shape.deltaHeadLength ** 2 * heads;
  if (shape.linearAttentionHeadLength !== 0) return shape.linearAttentionHeadLength ** 2 * heads;
  return shape.stateSpace.stateSize * shape.stateSpace.innerSize;
}

/** DeepSeek-V4's compressors keep the tokens that haven't made a compressed key yet. */
function compressorStateBytes(shape: Hyperparameters, streams: number): number {
  const key = shape.keyLengths[0] ?? 0;
  const layers = (ratio: number) =>
    shape.compressRatios.filter((one, layer) => layer < shape.layerCount && one === ratio).length;
  // keys and scores
  const state = (width: number, tokens: number) => 2 * bufferBytes(width * tokens * streams);
  const sparse = 2 * COMPRESSED_SPARSE_RATIO;
  return layers(COMPRESSED_SPARSE_RATIO) *
      (state(2 * key, sparse) + state(2 * shape.indexer.keyLength, sparse)) +
    layers(COMPRESSED_HEAVY_RATIO) * state(key, COMPRESSED_HEAVY_RATIO);
}

/**
 * Bytes of the recurrent states as llama.cpp v0.4.0 allocates them (llama-memory-recurrent.cpp,
 * llama-kv-cache-dsv4.cpp): exact, one row for each sequence.
 */
export function recurrentStateBytes(shape: Hyperparameters, sizes: ContextSizes): number {
  if (shape.layout.memory === "compressed") return compressorStateBytes(shape, sizes.streams);
  const layer = bufferBytes(rollingStateElements(shape) * sizes.streams) +
    bufferBytes(stateElements(shape) * sizes.streams);
  const ngram = bufferBytes(shape.ngramEmbedding.convolutionState * sizes.streams);
  return stateLayers(shape).reduce(
    (bytes, index) => bytes + layer + (shape.ngramEmbedding.layers[index] ? ngram : 0),
    0,
  );
}
