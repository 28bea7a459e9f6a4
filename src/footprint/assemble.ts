import { BrainjarError } from "../budget/error.ts";
import { sum } from "../budget/sum.ts";
import type { GgufHeader } from "../gguf/header.ts";
import type { Hyperparameters } from "../llama_cpp/hyperparameters/hyperparameters.ts";
import { contextSizes, outputBytes } from "../llama_cpp/memory/context_sizes.ts";
import { kvCacheBytes } from "../llama_cpp/memory/kv_cache.ts";
import { recurrentStateBytes } from "../llama_cpp/memory/recurrent_state.ts";
import { type LoadedWeight, loadedWeights, weightBytes } from "../llama_cpp/memory/weights.ts";
import { type ReadModel, readModel } from "../llama_cpp/models/families.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { LLAMA_CPP_VERSION } from "../llama_cpp/version.ts";
import type { Footprint } from "./footprint.ts";
import { type AllocatedBytes, type ResidentInput, residentSet } from "./resident_set.ts";
import { THINKING_RUNTIME_BYTES } from "./runtime.ts";
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

/** The same of a model whose header was read before. */
export function prepareRead(model: ReadModel, cpu: CpuFeatures): PreparedModel {
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

/** What an estimate from the header says of itself. */
export function foundInHeader(
  { architecture, shape }: ReadModel,
  { confidence, notes }: Pick<Footprint, "confidence" | "notes">,
): Pick<Footprint, "estimator" | "confidence" | "notes"> {
  const isKnown = architecture !== undefined;
  return {
    estimator: "header",
    confidence: isKnown ? confidence : "unknown",
    notes: isKnown ? notes : [
      `Architecture "${shape.architecture}" isn't llama.cpp ${LLAMA_CPP_VERSION}'s: everything is estimated on the safe side`,
    ],
  };
}
