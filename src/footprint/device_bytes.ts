import type { DeviceFootprint } from "../budget/demand.ts";
import { sum } from "../budget/sum.ts";
import type { Tensor } from "../llama_cpp/ggml/tensor.ts";
import type { Device } from "../llama_cpp/options.ts";
import { type PlacedMemory, weightsByPlace } from "../llama_cpp/memory/placed_memory.ts";
import { deviceRuntime } from "./device_runtime.ts";
import type { DeviceBytes } from "./footprint.ts";

/** What devices compute for one context. */
interface ComputedThere {
  /** Compute buffers by device. */
  readonly compute: readonly number[];
  /** Parts of the graph by device. */
  readonly parts: readonly number[];
  /** Nodes of one step; absent where the graph isn't known. */
  readonly nodes: readonly Tensor[] | undefined;
}

/** What a model and a context take on each device. */
export function deviceBytes(
  devices: readonly Device[],
  { weights, kvCache, recurrentState }: PlacedMemory,
  { compute, parts, nodes }: ComputedThere,
): readonly DeviceBytes[] {
  const weightBytes = weightsByPlace(weights, devices.length).devices;
  return devices.map((device, index) => {
    const held = {
      weights: weightBytes[index] ?? 0,
      kvCache: kvCache.devices[index] ?? 0,
      recurrentState: recurrentState.devices[index] ?? 0,
      compute: compute[index] ?? 0,
    };
    // Layers are much alike: what any of them needs while it is computed, each device may.
    const work = {
      nodes: held.compute > 0 ? nodes : [],
      buffers: Object.values(held),
      parts: parts[index] ?? 0,
    };
    return { id: device.id, ...held, ...deviceRuntime(device, work) };
  });
}

/** The same as the budget needs it. */
export function deviceFootprints(devices: readonly DeviceBytes[]): readonly DeviceFootprint[] {
  return devices.map(({ id, ...bytes }) => ({
    id,
    bytes: sum(Object.values(bytes)),
    sharedBytes: bytes.weights + bytes.runtime,
    processBytes: bytes.runtime,
    thinkingBytes: bytes.thinking,
  }));
}

/** The most that each device may hold, of several ways in which a model may be shared among them. */
export function mostOnDevices(
  ways: readonly (readonly DeviceFootprint[])[],
): readonly DeviceFootprint[] {
  const most = new Map<string, DeviceFootprint>();
  for (const one of ways.flat()) {
    if (one.bytes > (most.get(one.id)?.bytes ?? -1)) most.set(one.id, one);
  }
  return [...most.values()];
}

/** What of it is RAM, since the device's memory is. */
export interface UnifiedBytes {
  readonly bytes: number;
  readonly sharedBytes: number;
  readonly processBytes: number;
}

/** What unified devices hold together. */
export function unifiedBytes(
  devices: readonly Device[],
  footprints: readonly DeviceFootprint[],
): UnifiedBytes {
  const unified = footprints.filter((_, index) => devices[index]?.isUnified === true);
  return {
    bytes: sum(unified.map(({ bytes }) => bytes)),
    sharedBytes: sum(unified.map(({ sharedBytes }) => sharedBytes)),
    processBytes: sum(unified.map(({ processBytes }) => processBytes)),
  };
}
