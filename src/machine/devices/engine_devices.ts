import { defined } from "../../budget/defined.ts";
import type { EngineDevice } from "../../engine/gpu/engine_devices.ts";
import type { MachineWarning } from "../warning.ts";
import {
  type DeviceReading,
  type DevicesRead,
  nonsenseIn,
  numbered,
  ORDER_UNKNOWN,
  withoutIntegrated,
} from "./reading.ts";

/**
 * The devices of the engine's list, in its order, with the drivers' figures where they were read.
 * What no driver told has the engine's own figures: an Intel card's, a software device's.
 *
 * A device is the same as one that was read by its place on the bus, else by name and nearest
 * total. Drivers' figures stand since they count what everybody holds; the engine's leave out what
 * its own context holds already.
 *
 * @example
 * ```ts
 * import { mergeEngineDevices } from "./engine_devices.ts";
 * const { devices } = mergeEngineDevices({ devices: [], leftOut: [], warnings: [] }, [
 *   {
 *     id: "vulkan:0",
 *     backend: "vulkan",
 *     name: "llvmpipe",
 *     isUnified: false,
 *     totalBytes: 2048,
 *     freeBytes: 1024,
 *     alignment: 32,
 *     largestBufferBytes: 1024,
 *   },
 * ]);
 * if (devices[0]?.id !== "vulkan:0" || devices[0].availableBytes !== 1024) throw new Error("One");
 * ```
 */
export function mergeEngineDevices(
  read: DevicesRead,
  engine: readonly EngineDevice[],
): DevicesRead {
  const warnings: MachineWarning[] = [];
  const left = [...read.devices];
  const merged = engine.flatMap((device): DeviceReading[] => {
    const at = placeOf(device, left);
    const [known] = at < 0 ? [] : left.splice(at, 1);
    if (known !== undefined) {
      return [{ ...known, backend: device.backend, isIntegrated: isIntegrated(device) }];
    }
    const reading = readingOf(device);
    if (typeof reading === "object") return [reading];
    warnings.push({
      code: "device-unreadable",
      message: `The engine says that ${device.name} has ${reading}; brainjar doesn't count on it`,
    });
    return [];
  });
  const { used, leftOut } = withoutIntegrated(merged);
  return {
    devices: numbered(used),
    leftOut: [...read.leftOut, ...leftOut],
    warnings: [
      // Now their order is known.
      ...read.warnings.filter(({ code }) => code !== ORDER_UNKNOWN),
      ...warnings,
    ],
    ...defined({ environment: read.environment }),
  };
}

/** Apple's memory is RAM, and llama.cpp takes its device for a discrete one all the same. */
function isIntegrated({ backend, isUnified }: EngineDevice): boolean {
  return isUnified && backend !== "metal";
}

/** Which of the readings a device is; −1 where it is none. */
function placeOf(device: EngineDevice, readings: readonly DeviceReading[]): number {
  const { pciId, name, totalBytes } = device;
  const place = pciId?.toLowerCase();
  const onBus = readings.findIndex((one) => place !== undefined && one.pciBusId === place);
  if (onBus >= 0) return onBus;
  const distance = (one: DeviceReading | undefined) =>
    one === undefined ? Infinity : Math.abs(one.totalBytes - totalBytes);
  return readings.reduce((nearest, one, at) => {
    const isPossible = one.name === name && (place === undefined || one.pciBusId === undefined);
    return isPossible && distance(one) < distance(readings[nearest]) ? at : nearest;
  }, -1);
}

/** A reading of the engine's own figures, or what is wrong with them. */
function readingOf(device: EngineDevice): DeviceReading | string {
  const { backend, name, pciId, isUnified, totalBytes, freeBytes } = device;
  const wrong = nonsenseIn(totalBytes, totalBytes - Math.min(freeBytes, totalBytes));
  if (wrong !== undefined) return wrong;
  const availableBytes = Math.min(freeBytes, totalBytes);
  const path = "ggml_backend_dev_memory";
  return {
    id: backend,
    backend,
    kind: isUnified ? "unified" : "device",
    isIntegrated: isIntegrated(device),
    name,
    ...defined({ pciBusId: pciId?.toLowerCase() }),
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
