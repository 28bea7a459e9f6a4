import { BrainjarError } from "../budget/error.ts";
import { sum } from "../budget/sum.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { computeBytes } from "../llama_cpp/graph/compute.ts";
import { planOnDevices } from "../llama_cpp/graph/device_compute.ts";
import { planGraph } from "../llama_cpp/graph/planned_graph.ts";
import type { Hyperparameters } from "../llama_cpp/hyperparameters/hyperparameters.ts";
import { contextSizes, outputBytes } from "../llama_cpp/memory/context_sizes.ts";
import { kvCacheBytes } from "../llama_cpp/memory/kv_cache.ts";
import { recurrentStateBytes } from "../llama_cpp/memory/recurrent_state.ts";
import { type LoadedWeight, loadedWeights, weightBytes } from "../llama_cpp/memory/weights.ts";
import { checkContextOptions } from "../llama_cpp/models/check_context_options.ts";
import { type ReadModel, readModel } from "../llama_cpp/models/families.ts";
import { placeMemory } from "../llama_cpp/memory/placed_memory.ts";
import type { CpuFeatures, FootprintOptions, Offload } from "../llama_cpp/options.ts";
import { LLAMA_CPP_VERSION } from "../llama_cpp/version.ts";
import { deviceBytes } from "./device_bytes.ts";
import { driverRamBytes } from "./device_runtime.ts";
import type { Footprint } from "./footprint.ts";
import { PROMPT_STEP } from "./prompt_steps.ts";
import { type AllocatedBytes, type ResidentInput, residentSet } from "./resident_set.ts";
import { THINKING_RUNTIME_BYTES } from "./runtime.ts";
import { stepGraph } from "./step_graph.ts";
import { vocabularyMemory } from "./vocabulary.ts";

/** A model as far as it doesn't depend on the context. */
export interface PreparedModel {
  readonly model: ReadModel;
  readonly weights: readonly LoadedWeight[];
  readonly cpu: CpuFeatures;
}

/** Reads what of a model doesn't depend on the context. */
export async function prepare(header: GgufHeader, cpu: CpuFeatures): Promise<PreparedModel> {
  return prepareRead(await readModel(header), cpu);
}

function prepareRead(model: ReadModel, cpu: CpuFeatures): PreparedModel {
  return { model, weights: loadedWeights(model.header, model.shape, cpu), cpu };
}

/** Numbers that no memory holds come from a header that lies. */
function checkWhole(bytes: AllocatedBytes, shape: Hyperparameters): void {
  const total = sum(Object.values(bytes));
  if (Number.isSafeInteger(total)) return;
  throw new BrainjarError(
    "gguf-hyperparameter",
    `The header of architecture "${shape.architecture}" asks for ${total} bytes of memory`,
    { hint: "The header is one that no converter wrote: use another file of the model" },
  );
}

/** Bytes that are known beside the graph. */
export function knownBytes({ model, weights }: PreparedModel, options: FootprintOptions) {
  const { header, shape } = model;
  const sizes = contextSizes(shape, options);
  return {
    weights: weightBytes(weights),
    kvCache: kvCacheBytes(shape, sizes, options),
    recurrentState: recurrentStateBytes(shape, sizes),
    output: outputBytes(shape, options),
    repacked: weightBytes(weights, (weight) => weight.repacked),
    vocabulary: vocabularyMemory(header).kept,
    runtime: THINKING_RUNTIME_BYTES,
  };
}

/** A footprint from what is allocated: what of it is resident, and how it was found. */
export function assemble(
  input: ResidentInput,
  found: Omit<Footprint, "bytes" | "resident" | "jar">,
): Footprint {
  const { allocated, planned } = input;
  checkWhole(allocated, planned.source.shape);
  const { jar, parts, ...figures } = residentSet(input);
  return { ...found, bytes: { ...allocated, ...figures }, resident: parts, jar };
}

type Found = Omit<Footprint, "bytes" | "resident" | "jar" | "devices">;

/** What an estimate from the header says of itself. */
function foundBy(
  { architecture, shape }: ReadModel,
  { confidence, notes }: Pick<Footprint, "confidence" | "notes">,
): Found {
  const isKnown = architecture !== undefined;
  return {
    estimator: "header",
    confidence: isKnown ? confidence : "unknown",
    notes: isKnown ? notes : [
      `Architecture "${shape.architecture}" isn't llama.cpp ${LLAMA_CPP_VERSION}'s: everything is estimated on the safe side`,
    ],
  };
}

/** Options with devices. */
export type OffloadOptions = FootprintOptions & { readonly offload: Offload };

/** What lies on devices, and what of everything is left for RAM. */
export function planOffload({ model, cpu }: PreparedModel, options: OffloadOptions) {
  const memory = placeMemory({ ...model, cpu }, options, options.offload);
  const { planned, compute } = planOnDevices(model, options, memory);
  const { weights } = memory;
  const inRam = weights.filter(({ device }) => device === undefined);
  const allocated = {
    ...knownBytes({ model, weights: inRam, cpu }, options),
    kvCache: memory.kvCache.ram,
    recurrentState: memory.recurrentState.ram,
    compute: compute.ram,
  };
  const nodes = stepGraph(planned, PROMPT_STEP)?.nodes;
  const { devices: onDevices } = options.offload;
  const devices = deviceBytes(onDevices, memory, { compute: compute.devices, nodes });
  const driver = driverRamBytes(onDevices, nodes);
  return { input: { weights, cpu, planned, options, allocated, devices, driver }, inRam, compute };
}

function estimateOnDevices(prepared: PreparedModel, options: OffloadOptions): Footprint {
  const { input, compute } = planOffload(prepared, options);
  return { ...assemble(input, foundBy(prepared.model, compute)), devices: input.devices };
}

function estimatePrepared(prepared: PreparedModel, options: FootprintOptions): Footprint {
  const { model } = prepared;
  checkContextOptions(model, options);
  const { offload } = options;
  if (offload !== undefined) return estimateOnDevices(prepared, { ...options, offload });
  const planned = planGraph(model, options);
  const compute = computeBytes(planned);
  const allocated = { ...knownBytes(prepared, options), compute: compute.bytes };
  return assemble({ ...prepared, planned, options, allocated }, foundBy(model, compute));
}

/**
 * Estimates from its header what one model needs in memory with one context (src/report/README.md, "Output").
 *
 * Weights, KV cache and recurrent state are llama.cpp's own to the byte. Throws a
 * BrainjarError: `gguf-hyperparameter` for a header that can't be, `gguf-tensor-type`, and
 * `unsupported-kv-cache-type`, `too-many-sequences`, `unsupported-batch-size` or
 * `unsupported-flash-attention` for options
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

/** The same for a model whose header was read before. */
export function estimateRead(
  model: ReadModel,
  options: FootprintOptions,
  cpu: CpuFeatures,
): Footprint {
  return estimatePrepared(prepareRead(model, cpu), options);
}

/**
 * A function that estimates the same model with other options, for who asks many times: what
 * doesn't depend on them is read once.
 */
export async function footprintEstimator(
  header: GgufHeader,
  cpu: CpuFeatures,
): Promise<(options: FootprintOptions) => Footprint> {
  const prepared = await prepare(header, cpu);
  return (options) => estimatePrepared(prepared, options);
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
    resident: [
      { part: "file", floor: fileBytes, workingSet: fileBytes },
      { part: "allowance", floor: need - fileBytes, workingSet: need - fileBytes },
    ],
    jar: {
      floorBytes: need,
      workingSetBytes: need,
      shared: { floorBytes: fileBytes, workingSetBytes: fileBytes },
    },
    notes: ["Half as much again as the file, whatever is in it"],
  };
}
