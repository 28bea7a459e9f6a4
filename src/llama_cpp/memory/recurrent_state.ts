import type { StateKind } from "../hyperparameters/architecture_rules.ts";
import { stateLayers } from "./cached_layers.ts";
import type { ContextSizes } from "./context_sizes.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { COMPRESSED_HEAVY_RATIO, COMPRESSED_SPARSE_RATIO } from "./kv_cache.ts";
import { padTo, TENSOR_ALIGNMENT } from "../ggml/tensor_bytes.ts";

/** States are F32, whatever the cache's type. */
const ELEMENT_BYTES = 4;

function bufferBytes(elements: number): number {
  return padTo(elements * ELEMENT_BYTES, TENSOR_ALIGNMENT);
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
 * Bytes of the recurrent states as llama.cpp allocates them (llama-memory-recurrent.cpp,
 * llama-kv-cache-dsv4.cpp): exact, one row for each sequence.
 */
export function recurrentStateBytes(shape: Hyperparameters, sizes: ContextSizes): number {
  if (shape.rules.memory === "compressed") return compressorStateBytes(shape, sizes.streams);
  const { rolling, state } = stateSizes(shape);
  const layer = bufferBytes(rolling * sizes.streams) + bufferBytes(state * sizes.streams);
  const ngram = bufferBytes(shape.ngramEmbedding.convolutionState * sizes.streams);
  return stateLayers(shape).reduce(
    (bytes, index) => bytes + layer + (shape.ngramEmbedding.layers[index] ? ngram : 0),
    0,
  );
}
