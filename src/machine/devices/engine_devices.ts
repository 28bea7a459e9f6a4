import { defined } from "../../budget/defined.ts";
import type { EngineDevice } from "../../engine/gpu/engine_devices.ts";
import type { MachineWarning } from "../warning.ts";
import {
  DEVICE_UNKNOWN,
  type DeviceReading,
  type DevicesRead,
  nonsenseIn,
  ORDER_UNKNOWN,
} from "./reading.ts";

/**
 * The devices of the engine's own list, by its ids and in its order, with the drivers' figures where
 * they were read. What no driver told has the engine's: an Intel card's, a software device's.
 *
 * A device is the same as one that was read by its place on the bus, else by name and nearest
 * total. Drivers' figures stand since they count what everybody holds, this process among them;
 * some drivers tell the engine that all is always free.
 *
 * @example
 * ```ts
 * import { mergeEngineDevices } from "./engine_devices.ts";
 * const { devices } = mergeEngineDevices({ devices: [], leftOut: [], warnings: [] }, [{
 *   ...{ id: "vulkan:0", backend: "vulkan", name: "llvmpipe", isIntegrated: false },
 *   ...{ isUnified: false, totalBytes: 2048, freeBytes: 1024, alignment: 64, largestBufferBytes: 2048 },
 * }]);
 * if (devices[0]?.id !== "vulkan:0" || devices[0].availableBytes !== 1024) throw new Error("One");
 * ```
 */
export function mergeEngineDevices(
  read: DevicesRead,
  engine: readonly EngineDevice[],
): DevicesRead {
  const warnings: MachineWarning[] = [];
  const left = [...read.devices];
  const devices = engine.flatMap((device): DeviceReading[] => {
    const { id, backend, alignment, largestBufferBytes, largestTensorBytes } = device;
    const limits = { alignment, largestBufferBytes, ...defined({ largestTensorBytes }) };
    const at = placeOf(device, left);
    const known = at < 0 ? readingOf(device) : left.splice(at, 1)[0] ?? readingOf(device);
    if (typeof known === "object") {
      return [{ ...known, id, backend, ...limits }];
    }
    warnings.push({
      code: "device-unreadable",
      message: `The engine says that ${device.name} has ${known}; brainjar doesn't count on it`,
    });
    return [];
  });
  return {
    ...read,
    devices,
    warnings: [
      // Now it is known.
      ...read.warnings.filter(({ code }) => code !== ORDER_UNKNOWN && code !== DEVICE_UNKNOWN),
      ...warnings,
    ],
  };
}

/** Which of the readings a device is; −1 where it is none. */
function placeOf(device: EngineDevice, readings: readonly DeviceReading[]): number {
  const { pciBusId, name, totalBytes } = device;
  const place = pciBusId?.toLowerCase();
  const onBus = readings.findIndex((one) => place !== undefined && one.pciBusId === place);
  if (onBus >= 0) return onBus;
  const distance = (one: DeviceReading | undefined) =>
    one === undefined ? Infinity : Math.abs(one.totalBytes - totalBytes);
  return readings.reduce((nearest, one, at) => {
    const isPossible = one.name === name && (place === undefined || one.pciBusId === undefined);
    return isPossible && distance(one) < distance(readings[nearest]) ? at : nearest;
  }, -1);
}

/** What the engine's own figures are read with. */
const ENGINE_SOURCE = "ggml_backend_dev_memory";

/** Whether only the engine tells of a device: no driver's figures were read. */
export function isToldByEngine({ sources }: Pick<DeviceReading, "sources">): boolean {
  return sources.some(({ path }) => path === ENGINE_SOURCE);
}

/** A reading of the engine's own figures, or what is wrong with them. */
function readingOf(device: EngineDevice): DeviceReading | string {
  const { id, backend, name, pciBusId, isUnified, totalBytes, freeBytes } = device;
  const place = pciBusId?.toLowerCase();
  const availableBytes = Math.min(freeBytes, totalBytes);
  const wrong = nonsenseIn(totalBytes, totalBytes - availableBytes);
  if (wrong !== undefined) return wrong;
  const path = ENGINE_SOURCE;
  return {
    id,
    backend,
    kind: isUnified ? "unified" : "device",
    // Apple's memory is RAM, and llama.cpp takes its device for a discrete one all the same.
    isIntegrated: device.isIntegrated,
    name,
    ...defined({ pciBusId: place, identity: place }),
    totalBytes,
    availableBytes,
    reservedBytes: 0,
    sources: [
      { figure: "total", name: "The engine's total", path, bytes: totalBytes, decides: true },
      {
        figure: "available",
        name: "The engine's free",
        path,
        bytes: availableBytes,
        decides: true,
      },
    ],
  };
}
