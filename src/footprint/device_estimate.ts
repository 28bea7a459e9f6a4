import { planOnDevices } from "../llama_cpp/graph/device_compute.ts";
import { placeMemory } from "../llama_cpp/memory/placed_memory.ts";
import type { FootprintOptions, Offload } from "../llama_cpp/options.ts";
import { assemble, foundInHeader, knownBytes, type PreparedModel } from "./assemble.ts";
import { deviceBytes, deviceFootprints, unifiedBytes } from "./device_bytes.ts";
import { driverRamBytes } from "./device_runtime.ts";
import type { Footprint } from "./footprint.ts";
import { PROMPT_STEP } from "./prompt_steps.ts";
import { stepGraph } from "./step_graph.ts";

/** What lies on devices, and what of everything is left for RAM. */
export function estimateOnDevices(
  { model, cpu }: PreparedModel,
  options: FootprintOptions & { readonly offload: Offload },
): Footprint {
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
  const footprints = deviceFootprints(devices);
  const onThem = {
    footprints,
    unified: unifiedBytes(onDevices, footprints),
    driver: driverRamBytes(onDevices, nodes),
  };
  const input = { weights, cpu, planned, options, allocated, devices: onThem };
  return { ...assemble(input, foundInHeader(model, compute)), devices };
}
