import type { GgufHeader } from "../gguf/header.ts";
import { computeBytes } from "../llama_cpp/graph/compute.ts";
import { planGraph } from "../llama_cpp/graph/planned_graph.ts";
import { checkContextOptions } from "../llama_cpp/models/check_context_options.ts";
import type { ReadModel } from "../llama_cpp/models/families.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { loadModule } from "../load_module.ts";
import {
  assemble,
  foundInHeader,
  knownBytes,
  prepare,
  type PreparedModel,
  prepareRead,
} from "./assemble.ts";
import type { Footprint } from "./footprint.ts";

async function estimatePrepared(
  prepared: PreparedModel,
  options: FootprintOptions,
): Promise<Footprint> {
  const { model } = prepared;
  checkContextOptions(model, options);
  const { offload } = options;
  if (offload !== undefined) {
    const { estimateOnDevices } = await loadModule<typeof import("./device_estimate.ts")>(
      import.meta,
      "./device_estimate.ts",
    );
    return estimateOnDevices(prepared, { ...options, offload });
  }
  const planned = planGraph(model, options);
  const compute = computeBytes(planned);
  const allocated = { ...knownBytes(prepared, options), compute: compute.bytes };
  return assemble({ ...prepared, planned, options, allocated }, foundInHeader(model, compute));
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
  return await estimatePrepared(await prepare(header, cpu), options);
}

/** The same for a model whose header was read before. */
export async function estimateRead(
  model: ReadModel,
  options: FootprintOptions,
  cpu: CpuFeatures,
): Promise<Footprint> {
  return await estimatePrepared(prepareRead(model, cpu), options);
}

/**
 * A function that estimates the same model with other options, for who asks many times: what
 * doesn't depend on them is read once.
 */
export async function footprintEstimator(
  header: GgufHeader,
  cpu: CpuFeatures,
): Promise<(options: FootprintOptions) => Promise<Footprint>> {
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
