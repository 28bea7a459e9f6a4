import { planOnDevices } from "../llama_cpp/graph/device_compute.ts";
import { stepGraph } from "../llama_cpp/graph/planned_graph.ts";
import { placeMemory } from "../llama_cpp/memory/placed_memory.ts";
import type { Tensor } from "../llama_cpp/ggml/tensor.ts";
import type { Device, FootprintOptions, Offload } from "../llama_cpp/options.ts";
import { assemble, foundInHeader, knownBytes, type PreparedModel } from "./assemble.ts";
import { deviceBytes, deviceFootprints, unifiedBytes } from "./device_bytes.ts";
import { driverRamBytes } from "./device_runtime.ts";
import type { DeviceBytes, Footprint } from "./footprint.ts";
import { PROMPT_STEP } from "./prompt_steps.ts";

/** Options with devices. */
export type OffloadOptions = FootprintOptions & { readonly offload: Offload };

/** What devices hold, as RAM and the budget see it. */
export function heldOn(
  onDevices: readonly Device[],
  devices: readonly DeviceBytes[],
  nodes: readonly Tensor[] | undefined,
) {
  const footprints = deviceFootprints(devices);
  return {
    footprints,
    unified: unifiedBytes(onDevices, footprints),
    driver: driverRamBytes(onDevices, nodes),
  };
}

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
  const { devices: bytes, parts } = compute;
  const devices = deviceBytes(onDevices, memory, { compute: bytes, parts, nodes });
  const held = heldOn(onDevices, devices, nodes);
  const pinnedBytes = compute.loadedRam;
  const input = { weights, cpu, planned, options, allocated, devices: held, pinnedBytes };
  return { input, inRam, compute, devices, nodes };
}

/** The footprint of a model of which a part lies on devices, from its header. */
export function estimateOnDevices(prepared: PreparedModel, options: OffloadOptions): Footprint {
  const { input, compute, devices } = planOffload(prepared, options);
  return { ...assemble(input, foundInHeader(prepared.model, compute)), devices };
}
