import type { StateKind } from "../hyperparameters/architecture_rules.ts";
import { stateLayers } from "./cached_layers.ts";
import type { ContextSizes } from "./context_sizes.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import {
  type BufferOf,
  COMPRESSED_HEAVY_RATIO,
  COMPRESSED_SPARSE_RATIO,
  type LayerBytes,
} from "./kv_cache.ts";
import { padTo } from "../ggml/tensor_bytes.ts";
import { type BufferType, RAM_BUFFER } from "../ggml/buffer_type.ts";
import { sum } from "../../budget/sum.ts";

/** States are F32, whatever the cache's type. */
const ELEMENT_BYTES = 4;

function stateTensorBytes({ alignment }: BufferType, elements: number): number {
  return padTo(elements * ELEMENT_BYTES, alignment);
}

/** Elements of what one sequence and layer keep. */
interface StateSizes {
  /** The last tokens, `n_embd_r` in llama-hparams.cpp. */
  readonly rolling: number;
  /** What all tokens left, `n_embd_s`. */
  readonly state: number;
}

const STATE_SIZES: Readonly<
  Record<Exclude<StateKind, "any">, (shape: Hyperparameters) => StateSizes>
> = {
  "wkv": ({ wkv, embeddingLength }) => ({
    rolling: wkv.tokenShiftCount * embeddingLength,
    state: embeddingLength * wkv.headSize,
  }),
  "short-convolution": ({ shortConvolutionCache, embeddingLength }) => ({
    rolling: embeddingLength * Math.max(0, shortConvolutionCache - 1),
    state: 0,
  }),
  "delta": ({ stateSpace, headCounts, deltaHeadLength }) => {
    const kernel = stateSpace.convolutionKernel;
    const heads = headCounts[0] ?? 0;
    return {
      rolling: 3 * (kernel > 0 ? kernel - 1 : 3) * heads * deltaHeadLength,
      state: deltaHeadLength ** 2 * heads,
    };
  },
  "linear-attention": ({ headCounts, linearAttentionHeadLength }) => ({
    rolling: 0,
    state: linearAttentionHeadLength ** 2 * (headCounts[0] ?? 0),
  }),
  "state-space": ({ stateSpace }) => ({
    rolling: Math.max(0, stateSpace.convolutionKernel - 1) *
      (stateSpace.innerSize + 2 * stateSpace.groupCount * stateSpace.stateSize),
    state: stateSpace.stateSize * stateSpace.innerSize,
  }),
};

/** Elements of the state of one sequence and layer; where any may be, of all together. */
function stateSizes(shape: Hyperparameters): StateSizes {
  const kind = shape.rules.state;
  if (kind === undefined) return { rolling: 0, state: 0 };
  if (kind !== "any") return STATE_SIZES[kind](shape);
  return Object.values(STATE_SIZES).map((sizes) => sizes(shape)).reduce((sum, one) => ({
    rolling: sum.rolling + one.rolling,
    state: sum.state + one.state,
  }));
}

/** DeepSeek-V4's compressors keep the tokens that haven't made a compressed key yet. */
function compressorStates(
  shape: Hyperparameters,
  { streams }: ContextSizes,
  bufferOf: BufferOf,
): LayerBytes {
  const key = shape.keyLengths[0] ?? 0;
  const byLayer: LayerBytes = new Map();
  for (let layer = 0; layer < shape.layerCount; layer++) {
    const buffer = bufferOf(layer);
    // keys and scores
    const state = (width: number, tokens: number) =>
      2 * stateTensorBytes(buffer, width * tokens * streams);
    const sparse = 2 * COMPRESSED_SPARSE_RATIO;
    const ratio = shape.compressRatios[layer];
    if (ratio === COMPRESSED_SPARSE_RATIO) {
      byLayer.set(layer, state(2 * key, sparse) + state(2 * shape.indexer.keyLength, sparse));
    } else if (ratio === COMPRESSED_HEAVY_RATIO) {
      byLayer.set(layer, state(key, COMPRESSED_HEAVY_RATIO));
    }
  }
  return byLayer;
}

/** Bytes of the recurrent states by layer, in the kind of buffer that each layer's lies in. */
export function recurrentStateLayers(
  shape: Hyperparameters,
  sizes: ContextSizes,
  bufferOf: BufferOf = () => RAM_BUFFER,
): LayerBytes {
  if (shape.rules.memory === "compressed") return compressorStates(shape, sizes, bufferOf);
  const { rolling, state } = stateSizes(shape);
  const byLayer: LayerBytes = new Map();
  for (const layer of stateLayers(shape)) {
    const tensor = (elements: number) =>
      stateTensorBytes(bufferOf(layer), elements * sizes.streams);
    const hasNgram = shape.ngramEmbedding.layers[layer] === true;
    const ngram = hasNgram ? tensor(shape.ngramEmbedding.convolutionState) : 0;
    byLayer.set(layer, tensor(rolling) + tensor(state) + ngram);
  }
  return byLayer;
}

/**
 * Bytes of the recurrent states as llama.cpp allocates them in RAM (llama-memory-recurrent.cpp,
 * llama-kv-cache-dsv4.cpp): exact, one row for each sequence.
 */
export function recurrentStateBytes(shape: Hyperparameters, sizes: ContextSizes): number {
  return sum([...recurrentStateLayers(shape, sizes).values()]);
}
