import { formatAmount } from "../budget/size.ts";
import { sum } from "../budget/sum.ts";
import type { TensorInfo } from "../gguf/header.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { padTo, TENSOR_ALIGNMENT, tensorBytes } from "../llama_cpp/ggml/tensor_bytes.ts";
import { computeBytes } from "../llama_cpp/graph/compute.ts";
import { planGraph } from "../llama_cpp/graph/planned_graph.ts";
import type { LoadedWeight } from "../llama_cpp/memory/weights.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import { assemble, knownBytes, prepare, type PreparedModel } from "./assemble.ts";
import { heldOn, type OffloadOptions, planOffload } from "./device_estimate.ts";
import type { Confidence, DeviceBytes, DryLoadBytes, Footprint } from "./footprint.ts";
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
  const { offload } = options;
  if (offload !== undefined) return onDevices(prepared, dryLoad, { ...options, offload });
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
  const found = foundBy(dryLoad, graph.confidence, added);
  return assemble({ ...prepared, planned, options, allocated }, found);
}

/** What an estimate from a dry load says of itself. */
function foundBy(dryLoad: DryLoadBytes, graph: Confidence, added: number, more: string[] = []) {
  const notes = [
    ...(graph === "exact" ? [] : [
      "What of the compute buffer becomes resident is the header's upper bound",
    ]),
    ...(added === 0 ? [] : [
      `The engine's dry load leaves out ${formatAmount(added)} of weights that a load lays out ` +
      "anew; they are added from the header",
    ]),
    ...more,
  ];
  return {
    estimator: "engine",
    confidence: notes.length === 0 ? "exact" : "bound",
    notes,
    dryLoad: { ...dryLoad, leftOutBytes: added },
  } as const;
}

/**
 * The same with devices. The dry load tells the sum of all of them: what it has beyond the header's
 * is put where the header has most, so that no device gets less than the header says.
 */
function onDevices(
  prepared: PreparedModel,
  dryLoad: DryLoadBytes,
  options: OffloadOptions,
): Footprint {
  const { input, inRam, compute, devices: planned, nodes } = planOffload(prepared, options);
  const { modelBytes = 0, contextBytes = 0 } = dryLoad.onDevices ?? {};
  const added = leftOutBytes(inRam);
  const { kvCache, recurrentState } = input.allocated;
  const allocated = {
    ...input.allocated,
    weights: dryLoad.modelBytes + added,
    compute: Math.max(0, dryLoad.contextBytes - kvCache - recurrentState),
  };
  const context = (one: DeviceBytes) => one.kvCache + one.recurrentState + one.compute;
  const moreWeights = modelBytes - sum(planned.map(({ weights }) => weights));
  const moreCompute = contextBytes - sum(planned.map(context));
  const isOne = planned.length === 1;
  const devices = planned.map((device) => ({
    ...device,
    weights: device.weights + share(moreWeights, device, planned, isOne),
    compute: Math.max(0, device.compute + share(moreCompute, device, planned, isOne)),
  }));
  const isSplit = !isOne && (moreWeights !== 0 || moreCompute !== 0);
  const found = foundBy(dryLoad, compute.confidence, added, isSplit ? [UNSPLIT] : []);
  const held = heldOn(options.offload.devices, devices, nodes);
  return { ...assemble({ ...input, allocated, devices: held }, found), devices };
}

const UNSPLIT =
  "The engine's dry load tells the sum of all devices; what lies on each of them is " +
  "the header's, and what it has beyond that counts for the one with most";

/** What of a difference counts for a device. */
function share(
  difference: number,
  device: DeviceBytes,
  devices: readonly DeviceBytes[],
  isOne: boolean,
): number {
  if (isOne) return difference;
  const most = devices.reduce((one, other) => other.weights > one.weights ? other : one, device);
  return device.id === most.id ? Math.max(0, difference) : 0;
}
