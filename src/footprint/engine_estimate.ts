import { formatAmount } from "../budget/size.ts";
import type { TensorInfo } from "../gguf/header.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { padTo, TENSOR_ALIGNMENT, tensorBytes } from "../llama_cpp/ggml/tensor_bytes.ts";
import { computeBytes } from "../llama_cpp/graph/compute.ts";
import { planGraph } from "../llama_cpp/graph/planned_graph.ts";
import type { LoadedWeight } from "../llama_cpp/memory/weights.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { assemble, knownBytes, prepare } from "./assemble.ts";
import type { DryLoadBytes, Footprint } from "./footprint.ts";
import type { AllocatedBytes } from "./resident_set.ts";

/**
 * Bytes of weights that are allocated in a real load and that llama.cpp's dry load leaves out
 * (src/footprint/README.md, "What one model really costs"): what AMX's layout has beyond the
 * file's, and the copy of a tied embedding that is laid out anew as output.
 *
 * @example
 * ```ts
 * import { leftOutBytes } from "./engine_estimate.ts";
 * const tensor = { name: "token_embd.weight", dimensions: [32, 8], type: 2, part: 0, offset: 0 };
 * const read = { tensor, bytes: 160, repacked: false, readByRow: true };
 * const copy = { tensor, bytes: 160, repacked: true, readByRow: false };
 * if (leftOutBytes([read]) !== 0 || leftOutBytes([read, copy]) !== 160) throw new Error("The copy");
 * ```
 */
export function leftOutBytes(weights: readonly LoadedWeight[]): number {
  const seen = new Set<TensorInfo>();
  let bytes = 0;
  for (const weight of weights) {
    const isCopy = seen.has(weight.tensor);
    seen.add(weight.tensor);
    if (!weight.repacked) continue;
    const plain = isCopy ? 0 : padTo(tensorBytes(weight.tensor), TENSOR_ALIGNMENT);
    bytes += Math.max(0, weight.bytes - plain);
  }
  return bytes;
}

/**
 * The footprint with llama.cpp's own figures in it: weights from the dry load, and its context
 * less the cache and the state, which the header has to the byte, as compute. The rest is the
 * header's: output, vocabulary and runtime, which no dry load counts, and of the weights what it
 * leaves out (`leftOutBytes`).
 *
 * `exact` where nothing had to be added to the weights and the header's own graph is followed;
 * notes say what it lacks otherwise.
 */
export async function estimateByEngine(
  header: GgufHeader,
  dryLoad: DryLoadBytes,
  options: FootprintOptions,
  cpu: CpuFeatures,
): Promise<Footprint> {
  const prepared = await prepare(header, cpu);
  const { kvCache, recurrentState, ...known } = knownBytes(prepared, options);
  const added = leftOutBytes(prepared.weights);
  const compute = dryLoad.contextBytes - kvCache - recurrentState;
  // An architecture that isn't known may have less of either than the safe side says.
  const split = compute >= 0;
  const allocated: AllocatedBytes = {
    ...known,
    weights: dryLoad.modelBytes + added,
    kvCache: split ? kvCache : dryLoad.contextBytes,
    recurrentState: split ? recurrentState : 0,
    compute: split ? compute : 0,
  };
  const planned = planGraph(prepared.model, options);
  const graph = computeBytes(planned);
  const notes = [
    ...(graph.confidence === "exact" ? [] : [
      "What of the compute buffer becomes resident is the header's upper bound",
    ]),
    ...(added === 0 ? [] : [
      `The engine's dry load leaves out ${formatAmount(added)} of weights that a load lays out ` +
      "anew; they are added from the header",
    ]),
  ];
  return assemble({ ...prepared, planned, options, allocated }, {
    estimator: "engine",
    confidence: notes.length === 0 ? "exact" : "bound",
    notes,
    dryLoad: { ...dryLoad, leftOutBytes: added },
  });
}
