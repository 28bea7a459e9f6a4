import { BrainjarError } from "../budget/error.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { checkContextOptions } from "../llama_cpp/memory/check_context_options.ts";
import { computeBound } from "./compute_bound.ts";
import { type ContextSizes, contextSizes } from "../llama_cpp/memory/context_sizes.ts";
import type { Confidence, Estimator, Footprint } from "./footprint.ts";
import { computeBytes } from "../llama_cpp/graph/compute.ts";
import { type GraphSource, graphSource } from "../llama_cpp/graph/planned_graph.ts";
import {
  type Hyperparameters,
  readHyperparameters,
} from "../llama_cpp/hyperparameters/hyperparameters.ts";
import { kvCacheBytes } from "../llama_cpp/memory/kv_cache.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { outputBytes } from "../llama_cpp/memory/output.ts";
import { recurrentStateBytes } from "../llama_cpp/memory/recurrent_state.ts";
import { repackedBytes } from "./repacked.ts";
import { type AllocatedBytes, residentSet } from "./resident_set.ts";
import { RUNTIME_BYTES } from "./runtime.ts";
import { vocabularyMemory } from "./vocabulary.ts";
import { type LoadedWeight, loadedWeights, weightBytes } from "../llama_cpp/memory/weights.ts";
import { LLAMA_CPP_VERSION } from "../llama_cpp/version.ts";

/** A model as far as it doesn't depend on the context. */
interface PreparedModel {
  readonly header: GgufHeader;
  readonly shape: Hyperparameters;
  readonly graph: GraphSource;
  readonly weights: readonly LoadedWeight[];
  readonly cpu: CpuFeatures;
}

async function prepare(header: GgufHeader, cpu: CpuFeatures): Promise<PreparedModel> {
  const shape = readHyperparameters(header);
  const graph = await graphSource(header, shape);
  return { header, shape, graph, weights: loadedWeights(header, shape, cpu), cpu };
}

interface Compute {
  readonly bytes: number;
  readonly confidence: Confidence;
  readonly notes: readonly string[];
}

function estimateCompute(
  { shape, graph }: PreparedModel,
  sizes: ContextSizes,
  options: FootprintOptions,
): Compute {
  const compute = computeBytes(graph, options);
  if (compute.bytes > 0) return compute;
  return {
    bytes: computeBound(shape, sizes, options),
    confidence: "bound",
    notes: [`The compute graph of architecture "${shape.architecture}" is bounded, not followed`],
  };
}

/** Numbers that no memory holds come from a header that lies. */
function checkWhole(bytes: AllocatedBytes, shape: Hyperparameters): void {
  const total = Object.values(bytes).reduce((sum, part) => sum + part, 0);
  if (Number.isSafeInteger(total)) return;
  throw new BrainjarError(
    "gguf-hyperparameter",
    `The header of architecture "${shape.architecture}" asks for ${total} bytes of memory`,
    { hint: "The header is damaged or made by hand; fetch the model again" },
  );
}

function assemble(
  estimator: Estimator,
  model: PreparedModel,
  sizes: ContextSizes,
  options: FootprintOptions,
  allocated: AllocatedBytes,
  confidence: Confidence,
  notes: readonly string[],
): Footprint {
  checkWhole(allocated, model.shape);
  const { jar, floor, workingSet, peak } = residentSet({ ...model, allocated, sizes, options });
  const bytes = { ...allocated, floor, workingSet, peak };
  return { estimator, confidence, bytes, jar, notes };
}

function estimatePrepared(model: PreparedModel, options: FootprintOptions): Footprint {
  const { header, shape } = model;
  checkContextOptions(shape, options);
  const sizes = contextSizes(header, shape, options);
  const compute = estimateCompute(model, sizes, options);
  const known = shape.layout.purpose !== "unknown";
  const allocated: AllocatedBytes = {
    weights: weightBytes(model.weights),
    kvCache: kvCacheBytes(shape, sizes, options),
    recurrentState: recurrentStateBytes(shape, sizes),
    compute: compute.bytes,
    output: outputBytes(shape, options),
    repacked: repackedBytes(model.weights),
    vocabulary: vocabularyMemory(header).kept,
    runtime: RUNTIME_BYTES,
  };
  const notes = known ? compute.notes : [
    `Architecture "${shape.architecture}" isn't llama.cpp ${LLAMA_CPP_VERSION}'s: everything is estimated on the safe side`,
  ];
  const confidence = known ? compute.confidence : "unknown";
  return assemble("header", model, sizes, options, allocated, confidence, notes);
}

/**
 * Estimates from its header what one model needs in memory with one context (src/report/README.md, "Output").
 *
 * Weights, KV cache and recurrent state are llama.cpp's own to the byte. Throws a
 * BrainjarError: `gguf-hyperparameter` for a header that can't be, `gguf-tensor-type`, and
 * `unsupported-kv-cache-type`, `too-many-sequences` or `unsupported-flash-attention` for options
 * that llama.cpp refuses or breaks with.
 *
 * @returns whole bytes, part by part
 */
export async function estimateFootprint(
  header: GgufHeader,
  options: FootprintOptions,
  cpu: CpuFeatures,
): Promise<Footprint> {
  return estimatePrepared(await prepare(header, cpu), options);
}

/**
 * A function that estimates the same model with other options, for who asks many times: what
 * doesn't depend on them is read once.
 */
export async function footprintEstimator(
  header: GgufHeader,
  cpu: CpuFeatures,
): Promise<(options: FootprintOptions) => Footprint> {
  const model = await prepare(header, cpu);
  return (options) => estimatePrepared(model, options);
}

/** Bytes of a file as its size rule counts them (fixtures/seed.md). */
const FILE_SIZE_FACTOR = 1.5;

/**
 * The seed's rule: a model needs half as much again as its file.
 *
 * @example
 * ```ts
 * import { estimateFromFileSize } from "./estimate.ts";
 * if (estimateFromFileSize(1000).bytes.workingSet !== 1500) throw new Error();
 * ```
 */
export function estimateFromFileSize(fileBytes: number): Footprint {
  const need = Math.ceil(fileBytes * FILE_SIZE_FACTOR);
  return {
    estimator: "filesize",
    confidence: "unknown",
    bytes: {
      weights: fileBytes,
      kvCache: 0,
      recurrentState: 0,
      compute: 0,
      output: 0,
      repacked: 0,
      vocabulary: 0,
      runtime: 0,
      floor: need,
      workingSet: need,
      peak: need,
    },
    jar: {
      floorBytes: need,
      workingSetBytes: need,
      shared: { floorBytes: fileBytes, workingSetBytes: fileBytes },
    },
    notes: ["Half as much again as the file, whatever is in it"],
  };
}

/** What the engine's dry load said, in bytes (engine.ts, `DryLoad`). */
export interface DryLoadBytes {
  readonly modelBytes: number;
  readonly contextBytes: number;
}

/**
 * The footprint with llama.cpp's own figures in it: weights from the dry load, and its context
 * less the cache and the state, which are exact here too, as compute. What no dry load knows
 * (output, repacked weights, vocabulary, runtime) is from the header.
 */
export async function combineExact(
  header: GgufHeader,
  dryLoad: DryLoadBytes,
  options: FootprintOptions,
  cpu: CpuFeatures,
): Promise<Footprint> {
  const model = await prepare(header, cpu);
  const { shape } = model;
  const sizes = contextSizes(header, shape, options);
  const kvCache = kvCacheBytes(shape, sizes, options);
  const recurrentState = recurrentStateBytes(shape, sizes);
  const compute = dryLoad.contextBytes - kvCache - recurrentState;
  // an architecture that isn't known may have less of either than the safe side says
  const split = compute >= 0;
  const allocated: AllocatedBytes = {
    weights: dryLoad.modelBytes,
    kvCache: split ? kvCache : dryLoad.contextBytes,
    recurrentState: split ? recurrentState : 0,
    compute: split ? compute : 0,
    output: outputBytes(shape, options),
    repacked: repackedBytes(model.weights),
    vocabulary: vocabularyMemory(header).kept,
    runtime: RUNTIME_BYTES,
  };
  return assemble("exact", model, sizes, options, allocated, "exact", []);
}
