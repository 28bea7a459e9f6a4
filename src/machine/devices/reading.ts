import type { DeviceMemory, MemoryLeftOut } from "../../budget/memory.ts";
import { defined } from "../../budget/defined.ts";
import { vulkanLimits } from "../../llama_cpp/ggml/backends/vulkan_drivers.ts";
import type { Device, GpuBackend } from "../../llama_cpp/options.ts";
import type { MachineWarning } from "../warning.ts";

/** A device as its driver describes it: its memory, and what decides what it costs to compute on. */
export interface DeviceReading extends DeviceMemory {
  /** What the engine drives it with. */
  readonly backend: GpuBackend;
  /**
   * Whether llama.cpp takes it for an integrated one; Apple's it doesn't. Its `kind` is another
   * question: an integrated one with much memory set aside by the firmware isn't in RAM's figures.
   */
  readonly isIntegrated: boolean;
  /** CUDA's, as 90 for 9.0. */
  readonly computeCapability?: number;
  /** Streaming multiprocessors (NVIDIA), which a CUDA context grows with. */
  readonly multiprocessors?: number;
  /** NVIDIA's: `GPU-…`, `MIG-…`. */
  readonly uuid?: string;
  /** Domain, bus, device and function, in lower case: `0000:01:00.0`. */
  readonly pciBusId?: string;
  /** `580.95.05`. */
  readonly driverVersion?: string;
  /** The newest CUDA that the driver has, as 13000 for 13.0. */
  readonly cudaDriverVersion?: number;
  /** What every tensor starts at a multiple of, which the engine alone tells. */
  readonly alignment?: number;
  /** The largest buffer that it gives, which the engine alone tells. */
  readonly largestBufferBytes?: number;
  /** The largest tensor that it computes with (Vulkan's). */
  readonly largestTensorBytes?: number;
}

/** What there is of devices, for one backend or for all. */
export interface DevicesRead {
  /** In the engine's order. */
  readonly devices: readonly DeviceReading[];
  /** Devices that are there and that the engine won't use, and why. */
  readonly leftOut: readonly MemoryLeftOut[];
  /** What couldn't be read, or is doubtful: a device that is warned about is in no figure. */
  readonly warnings: readonly MachineWarning[];
  /**
   * What must be in the environment of the process that opens the engine, so that it numbers devices
   * as here; absent where it does so by itself.
   */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The warning that devices may be numbered otherwise by the engine; it ends when that is open. */
export const ORDER_UNKNOWN = "device-order-unknown";

/** A device that was named and that no driver told of, until the engine tells. */
export const DEVICE_UNKNOWN = "device-unknown";

/** No device at all. */
export const NO_DEVICES: DevicesRead = { devices: [], leftOut: [], warnings: [] };

/**
 * A device as llama.cpp looks at it. What others have reserved on it counts as free: llama.cpp
 * knows no reservations, and splits layers by what the driver tells it.
 *
 * @example
 * ```ts
 * import { deviceOf } from "./reading.ts";
 * const device = deviceOf({
 *   id: "cuda:0", backend: "cuda", kind: "device", name: "NVIDIA L4", isIntegrated: false,
 *   totalBytes: 24, availableBytes: 20, reservedBytes: 3, sources: [], computeCapability: 89,
 * });
 * if (device.freeBytes !== 23 || device.computeCapability !== 89) throw new Error("20 + 3");
 * ```
 */
export function deviceOf(reading: DeviceReading): Device {
  const { id, backend, availableBytes, reservedBytes, isIntegrated } = reading;
  const { alignment, largestBufferBytes, largestTensorBytes, computeCapability, multiprocessors } =
    reading;
  return {
    id,
    backend,
    freeBytes: availableBytes + reservedBytes,
    isUnified: isIntegrated || backend === "metal",
    ...(backend === "vulkan" ? vulkanLimits(reading.name) : {}),
    ...defined({
      alignment,
      largestBufferBytes,
      largestTensorBytes,
      computeCapability,
      multiprocessors,
    }),
  };
}

/**
 * The devices that a list of places names. One that is named several times is as many devices to the
 * engine, which share its memory; who holds how much is told of the whole alone.
 *
 * @param why what named them, for the figures' names
 */
export function atPlaces(
  readings: readonly DeviceReading[],
  places: readonly number[],
  why: string,
): readonly DeviceReading[] {
  return places.flatMap((place, index): DeviceReading | readonly DeviceReading[] => {
    const reading = readings[place];
    const sharing = places.filter((other) => other === place).length;
    if (reading === undefined || sharing === 1) return reading ?? [];
    const before = places.slice(0, index).filter((other) => other === place).length;
    const { holders: _, identity, ...rest } = reading;
    return {
      ...rest,
      ...defined({ identity: identity && `${identity}/${before}` }),
      totalBytes: Math.floor(rest.totalBytes / sharing),
      availableBytes: Math.floor(rest.availableBytes / sharing),
      sources: rest.sources.map(({ terms: _, ...source }) => ({
        ...source,
        name: `${source.name}, divided by ${sharing} (${why})`,
        bytes: Math.floor(source.bytes / sharing),
      })),
    };
  });
}

/** Readings numbered by their places, as the engine numbers them. */
export function numbered(readings: readonly DeviceReading[]): readonly DeviceReading[] {
  return readings.map((reading, index) => ({ ...reading, id: `${reading.backend}:${index}` }));
}

/** A device that the engine won't use, as `brainjar memory` lists it. */
export function leftOutAs(
  { name, uuid, pciBusId, totalBytes, sources }: DeviceReading,
  reason: string,
): MemoryLeftOut {
  const which = uuid ?? pciBusId;
  return {
    name: which === undefined ? name : `${name} (${which})`,
    path: sources[0]?.path ?? "",
    bytes: totalBytes,
    reason,
  };
}

/** What llama.cpp uses of these: integrated ones only where there is no other. */
export function withoutIntegrated(
  readings: readonly DeviceReading[],
): { readonly used: readonly DeviceReading[]; readonly leftOut: readonly MemoryLeftOut[] } {
  const discrete = readings.filter(({ isIntegrated }) => !isIntegrated);
  if (discrete.length === 0) return { used: readings, leftOut: [] };
  const reason = "integrated, which llama.cpp uses only where there is no other";
  return {
    used: discrete,
    leftOut: readings.filter(({ isIntegrated }) => isIntegrated)
      .map((reading) => leftOutAs(reading, reason)),
  };
}

/** How many bytes of memory a device can't have more of: 16 TB, eighty times today's largest. */
const MOST_BYTES = 2 ** 44;

/**
 * What is wrong with a device's figures, as the end of a sentence; nothing where they make sense. A
 * driver that doesn't know answers zeros and ones of all bits, and a zero must never pass.
 */
export function nonsenseIn(total: number, used: number): string | undefined {
  if (!Number.isSafeInteger(total) || total <= 0) return `a total of ${total} bytes`;
  if (total > MOST_BYTES) return `a total of ${total} bytes, which is more than any has`;
  if (!Number.isSafeInteger(used) || used < 0) return `${used} bytes in use`;
  if (used > total) return `${used} bytes in use of ${total}`;
  return undefined;
}
