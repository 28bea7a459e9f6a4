import { BrainjarError } from "../../budget/error.ts";
import { DEFAULT_POLICY, usableBytes } from "../../budget/policy.ts";
import type { Footprint } from "../../footprint/footprint.ts";
import type { ReadModel } from "../../llama_cpp/models/families.ts";
import type { GpuBackend, GpuLayers, Offload } from "../../llama_cpp/options.ts";
import { mostThatPass } from "../../budget/advice/most_that_pass.ts";
import { DeviceFilling } from "./device_filling.ts";
import { CACHE_TOO_LARGE, countOf, foundOrRefused, layersOf } from "./gpu_layers.ts";
import type { Host } from "../host.ts";
import type { ComputingDevice, GpuChoice } from "../settings.ts";

/** A size that every model fits in: of one device nothing depends on it. */
const ROOMY = 2 ** 46;

/** The devices that a model is estimated for. */
export interface EstimatedDevices {
  readonly devices: readonly ComputingDevice[];
  /** What is to be said of them, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * The devices of an estimate: those that compute for what was asked. A kind that isn't here is
 * estimated all the same, as one device of it with room for everything.
 *
 * @throws {BrainjarError} `conflicting-flags` where devices of another kind were described.
 */
export async function devicesForEstimate(
  host: Host,
  choice: GpuChoice,
): Promise<EstimatedDevices> {
  try {
    const { devices, warnings } = await host.findDevicesHere();
    return { devices, notes: warnings.map(({ message }) => message) };
  } catch (error) {
    const isMissing = error instanceof BrainjarError && error.code === "no-gpu";
    if (!isMissing || choice === "auto" || choice === "off") throw error;
    return {
      devices: [assumed(choice)],
      notes: [
        `No ${choice} device is known here: estimated for one with room for all of it (--devices ` +
        `${choice}=24GB describes another)`,
      ],
    };
  }
}

function assumed(backend: GpuBackend): ComputingDevice {
  const isUnified = backend === "metal";
  const id = `${backend}:0`;
  return {
    device: { id, backend, freeBytes: ROOMY, isUnified },
    memory: {
      id,
      kind: isUnified ? "unified" : "device",
      name: "assumed",
      totalBytes: ROOMY,
      availableBytes: ROOMY,
      reservedBytes: 0,
      sources: [],
    },
  };
}

/** One model, alone on these devices. */
interface AloneRequest {
  readonly read: ReadModel;
  readonly devices: readonly ComputingDevice[];
  readonly gpuLayers: GpuLayers;
  readonly footprintWith: (offload: Offload) => Promise<Footprint>;
}

/** Where one model alone would lie; `auto` puts there what every device has room for. */
export async function offloadAlone(
  { read, devices, gpuLayers, footprintWith }: AloneRequest,
): Promise<Offload | undefined> {
  if (devices.length === 0) return undefined;
  const of = layersOf({ read });
  const seen = new DeviceFilling(devices.map(({ device }) => device)).seenByNext();
  const at = (count: number) => foundOrRefused(footprintWith({ devices: seen, gpuLayers: count }));
  const count = gpuLayers === "auto"
    ? (await mostThatPass(
      at,
      (found) => found === CACHE_TOO_LARGE || isTooMuch(found, devices),
      { least: 0, greatest: of },
    )).count
    : countOf(gpuLayers, of);
  return { devices: seen, gpuLayers: count };
}

function isTooMuch({ jar }: Footprint, devices: readonly ComputingDevice[]): boolean {
  return devices.some(({ memory: { id, totalBytes, availableBytes } }) => {
    const needed = jar.devices?.find((device) => device.id === id)?.bytes ?? 0;
    return needed > Math.min(availableBytes, usableBytes(totalBytes, DEFAULT_POLICY));
  });
}
