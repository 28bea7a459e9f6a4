import type { GgufHeader } from "../../gguf/header.ts";
import { ArchitectureKeys } from "./architecture_keys.ts";
import { type ArchitectureRules, UNKNOWN_ARCHITECTURE } from "./architecture_rules.ts";
import { readArchitecture, readVocabularySize } from "./header_shape.ts";
import { readLayerSizes } from "./layer_sizes.ts";
import {
  readExperts,
  readIndexer,
  readLatentAttention,
  readNgramEmbedding,
  readStateSpace,
  readWkv,
} from "./block_sizes.ts";
import {
  checkLatentAttention,
  countDeepstackLayers,
  readCachedLayerCount,
  readCompressRatios,
  readEmbeddingLength,
  readHeadLengths,
  usesAlibi,
} from "./attention_sizes.ts";
import { readRecurrentLayers } from "./recurrent_layers.ts";
import { readSlidingWindow } from "./sliding_window_layers.ts";

/**
 * Reads the shape of a model from its header as llama.cpp does (llama-model.cpp's
 * `load_hparams` and `load_arch_hparams` in src/models/*.cpp).
 *
 * Without `rules` the architecture is read on the safe side, as one that llama.cpp doesn't have.
 * Throws a BrainjarError of code `gguf-hyperparameter` where a key that
 * must be there is missing or holds what llama.cpp could not load.
 *
 * @example
 * ```ts
 * import { readHyperparameters } from "./hyperparameters.ts";
 * const header = {
 *   version: 3 as const,
 *   byteOrder: "little" as const,
 *   alignment: 32,
 *   metadata: new Map<string, number | string>([
 *     ["general.architecture", "llama"],
 *     ["llama.block_count", 2],
 *     ["llama.context_length", 4096],
 *     ["llama.embedding_length", 64],
 *     ["llama.attention.head_count", 4],
 *   ]),
 *   metadataTypes: new Map(),
 *   tensors: [],
 *   parts: [],
 *   fileBytes: 0,
 * };
 * const { keyLength, keyValueHeadCounts } = readHyperparameters(header, {
 *   purpose: "text",
 *   memory: "attention",
 *   source: "models/llama.cpp",
 * });
 * if (keyLength !== 16 || keyValueHeadCounts[1] !== 4) throw new Error();
 * ```
 */
export function readHyperparameters(
  header: GgufHeader,
  rules: ArchitectureRules = UNKNOWN_ARCHITECTURE,
) {
  const architecture = readArchitecture(header);
  const known = rules !== UNKNOWN_ARCHITECTURE;
  const keys = new ArchitectureKeys(header.metadata, architecture, !known);
  const layers = readLayerSizes(rules, keys, header);
  const embedding = readEmbeddingLength(keys, header, known);
  const trained = known ? keys.required("context_length") : keys.number("context_length") ?? 0;
  const lengths = readHeadLengths(rules, keys, embedding, layers);
  const recurrentLayers = readRecurrentLayers(rules, keys, layers);
  const window = readSlidingWindow(rules, keys, layers, recurrentLayers);
  const byWindow = (full: number, sliding: number): readonly number[] =>
    window.layers.map((slides) => slides ? sliding : full);
  const latentAttention = readLatentAttention(rules, keys);
  const hyperConnectionCount = keys.number("hyper_connection.count") ?? 0;
  const deepstack = countDeepstackLayers(rules, keys);
  // What another architecture means by it is no error in one that doesn't read it.
  const declaredWindow = header.metadata.get(keys.key("attention.sliding_window"));
  const outputLength = keys.number("embedding_length_out") ?? 0;
  const output = rules.outputsHyperConnections
    ? hyperConnectionCount * embedding
    : outputLength || embedding;
  return {
    architecture,
    /** The architecture's, or the safe side's where llama.cpp has no such architecture. */
    rules,
    trainContextLength: trained,
    /** Layers that text passes through (`n_layer()`). */
    layerCount: layers.text,
    /** With the layers that predict further tokens (`n_layer_all`). */
    allLayerCount: layers.all,
    vocabularySize: readVocabularySize(header, architecture),
    embeddingLength: embedding,
    /** Of the input of the graph, wider where images bring more than one embedding. */
    inputEmbeddingLength: rules.inputsOutputWidth ? output : embedding * (1 + deepstack),
    /** Of what the graph gives back as embedding. */
    outputEmbeddingLength: output,
    perLayerEmbeddingLength: keys.number("embedding_length_per_layer_input") ?? 0,
    headCounts: layers.headCounts,
    keyValueHeadCounts: layers.keyValueHeadCounts,
    feedForwardLengths: layers.feedForwardLengths,
    /** Of one head, on this layer (sliding-window layers may differ). */
    keyLengths: byWindow(lengths.key, lengths.keySliding),
    valueLengths: byWindow(lengths.value, lengths.valueSliding),
    /** Of one head, where no window slides (`n_embd_head_k_full`). */
    keyLength: lengths.key,
    valueLength: lengths.value,
    ropeDimensionCounts: byWindow(lengths.rope, lengths.ropeSliding),
    /** `rope.dimension_sections`, four numbers. */
    ropeSections: keys.signedArray("rope.dimension_sections") ?? [0, 0, 0, 0],
    slidingWindow: window.window,
    /** `attention.sliding_window`, whether or not the architecture goes by it; 0 where it is missing. */
    declaredSlidingWindow: typeof declaredWindow === "number" ? declaredWindow : 0,
    slidingWindowKind: window.kind,
    slidingWindowLayers: window.layers,
    /** Layers from the first on that own a cache; the rest reuse one of theirs. */
    cachedLayerCount: readCachedLayerCount(rules, keys, layers),
    /** Layers with a recurrent state (`is_recr`). */
    recurrentLayers,
    /** Both MLA lengths are in the header, so that keys alone are cached. */
    usesLatentAttention: checkLatentAttention(keys, latentAttention),
    latentAttention,
    experts: readExperts(rules, keys, layers),
    stateSpace: readStateSpace(rules, keys),
    wkv: readWkv(keys),
    shortConvolutionCache: keys.number("shortconv.l_cache") ?? 0,
    deltaHeadLength: keys.number("kda.head_dim") ?? 0,
    /** Head of MiniMax-01's linear attention. */
    linearAttentionHeadLength: rules.state === "linear-attention" ? lengths.key : 0,
    indexer: readIndexer(rules, keys, layers, trained),
    compressRatios: readCompressRatios(rules, keys, layers),
    hyperConnectionCount,
    hyperConnectionLowRank: keys.number("hyper_connection.low_rank") ?? 0,
    ngramEmbedding: readNgramEmbedding(keys, layers, hyperConnectionCount),
    /** `n_deepstack_layers` or the different entries of `deepstack_mapping`. */
    deepstackLayerCount: deepstack,
    /** `granite-switch`'s cached layer that selects an adapter, -1 elsewhere. */
    routerLayer: layers.routerLayer,
    causal: !rules.notCausal && (keys.flag("attention.causal") ?? true),
    usesAlibi: usesAlibi(rules, keys, layers),
  };
}

/**
 * What a header says about the shape of its model, with llama.cpp's defaults where it is silent
 * (llama-hparams.h's `llama_hparams`). Every array has one entry for each of `allLayerCount`.
 * All numbers are whole and not negative.
 */
export type Hyperparameters = Readonly<ReturnType<typeof readHyperparameters>>;
