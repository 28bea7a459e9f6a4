import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import { layerOfTensor } from "../hyperparameters/header_shape.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { CpuFeatures } from "../options.ts";
import { amxBytes, isRepackable } from "../ggml/repacking.ts";
import { padTo, TENSOR_ALIGNMENT, tensorBytes } from "../ggml/tensor_bytes.ts";

/** One weight as llama.cpp loads it. */
export interface LoadedWeight {
  readonly tensor: TensorInfo;
  /** With its padding. */
  readonly bytes: number;
  /** In another layout, in memory of its own (CPU_REPACK). */
  readonly repacked: boolean;
  /** Only some rows are read for each token, where it lies as the file has it. */
  readonly readByRow: boolean;
  /** Which of the devices it lies on; absent where it lies in RAM. */
  readonly device?: number;
}

/** Weights whose rows are looked up, not multiplied (llama-arch.cpp, GGML_OP_GET_ROWS). */
const LOOKED_UP =
  /^(token_embd|position_embd|token_types|per_layer_token_embd)\.|\.(nextn\.embed_tokens|ffn_gate_tid2eid|attn_compressor_ape|indexer_compressor_ape|attn_rel_b|indexer\.compressor_ape)\b/;

/** Weights that are in files and that no graph uses (llama-arch.cpp, GGML_OP_NONE). */
const UNUSED = /^masked_embd_(centroids|ordering)\b|^dec\.blk\.\d+\.cross_attn_rel_b\b/;

/** Number of dimensions without those of 1 at the end. */
function dimensionCount(tensor: TensorInfo): number {
  return tensor.dimensions.findLastIndex((dimension) => dimension !== 1) + 1;
}

/** Multiplied alone, or by experts: what a repacked layout is made for, unless rows are looked up. */
export function isMultiplied(tensor: TensorInfo): boolean {
  if (LOOKED_UP.test(tensor.name)) return false;
  const experts = /_(exps|chexps)\./.test(tensor.name);
  return dimensionCount(tensor) === (experts ? 3 : 2);
}

export function isSkipped(tensor: TensorInfo, shape: Hyperparameters): boolean {
  if (UNUSED.test(tensor.name)) return true;
  const skipped = shape.rules.predictionLayersSkipped;
  if (skipped === undefined || layerOfTensor(tensor.name) < shape.layerCount) return false;
  return skipped === true || skipped.test(tensor.name);
}

/** Whether a graph takes rows of a weight and nothing more. */
export function isReadByRow({ name }: TensorInfo, { rules }: Hyperparameters): boolean {
  return LOOKED_UP.test(name) && !(rules.multipliesEmbedding && name === "token_embd.weight");
}

/**
 * The embedding that is multiplied as the output too, since the file has no output of its own.
 * Encoders make no logits.
 */
export function tiedEmbedding(
  { tensors }: GgufHeader,
  shape: Hyperparameters,
): TensorInfo | undefined {
  if (shape.rules.purpose === "encoder" || shape.rules.multipliesEmbedding) return undefined;
  if (tensors.some(({ name }) => name === "output.weight")) return undefined;
  return tensors.find(({ name }) => name === "token_embd.weight");
}

/** Whether a tied embedding is multiplied as output in memory of its own. */
function hasCopy(tied: TensorInfo, { rules }: Hyperparameters, cpu: CpuFeatures): boolean {
  return rules.outputLoadedFirst === true || isRepackable(tied, cpu);
}

/**
 * What stands in for a missing output or embedding: llama.cpp makes the same tensor again, which
 * costs memory of its own where the copy is laid out otherwise.
 */
function standIn(
  header: GgufHeader,
  shape: Hyperparameters,
  cpu: CpuFeatures,
): LoadedWeight | undefined {
  const tied = tiedEmbedding(header, shape);
  if (tied !== undefined && hasCopy(tied, shape, cpu)) {
    const bytes = padTo(amxBytes(tied, cpu) ?? tensorBytes(tied), TENSOR_ALIGNMENT);
    return { tensor: tied, bytes, repacked: isRepackable(tied, cpu), readByRow: false };
  }
  const find = (name: string) => header.tensors.find((tensor) => tensor.name === name);
  const output = find("output.weight");
  if (find("token_embd.weight") !== undefined || output === undefined) return undefined;
  if (shape.rules.embeddingIsOutput !== true) return undefined;
  const bytes = padTo(tensorBytes(output), TENSOR_ALIGNMENT);
  return { tensor: output, bytes, repacked: isRepackable(output, cpu), readByRow: true };
}

/**
 * The weights that llama.cpp loads (llama-model-loader.cpp, `create_tensor`): all of the
 * file's less those of layers it skips, and a second copy of a tied embedding where it is laid
 * out otherwise as output, or loaded as output first.
 */
export function loadedWeights(
  header: GgufHeader,
  shape: Hyperparameters,
  cpu: CpuFeatures,
): readonly LoadedWeight[] {
  const weights: LoadedWeight[] = [];
  const tied = tiedEmbedding(header, shape);
  for (const tensor of header.tensors) {
    if (isSkipped(tensor, shape)) continue;
    const repacked = isMultiplied(tensor) && isRepackable(tensor, cpu);
    // A tied embedding is multiplied where it lies, unless that is done with a copy.
    const readByRow = isReadByRow(tensor, shape) &&
      (tensor !== tied || hasCopy(tensor, shape, cpu));
    const bytes = (repacked ? amxBytes(tensor, cpu) : undefined) ?? tensorBytes(tensor);
    weights.push({ tensor, bytes: padTo(bytes, TENSOR_ALIGNMENT), repacked, readByRow });
  }
  const copy = standIn(header, shape, cpu);
  return copy === undefined ? weights : [...weights, copy];
}

/** Bytes of llama.cpp's weight buffers, as its dry load reports them, or of those that count. */
export function weightBytes(
  weights: readonly LoadedWeight[],
  counts: (weight: LoadedWeight) => boolean = () => true,
): number {
  return weights.reduce((bytes, weight) => bytes + (counts(weight) ? weight.bytes : 0), 0);
}
