import { BrainjarError } from "../../budget/error.ts";
import { formatSize } from "../../budget/size.ts";
import { mostMultiprocessors } from "../../footprint/device_runtime.ts";
import { GPU_BACKENDS, type GpuBackend } from "../../llama_cpp/options.ts";
import { deviceOf, type DeviceReading } from "../../machine/devices/reading.ts";
import type { ComputingDevice } from "../../plan/settings.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import { readSize } from "../flags/values.ts";

/** As many as llama.cpp's CUDA and Vulkan backends have places for; Apple's machines have one GPU. */
export const MOST_DEVICES: Readonly<Record<GpuBackend, number>> = {
  cuda: 16,
  vulkan: 16,
  metal: 1,
};

const FLAG = "--devices";
const EXAMPLES = "It takes a backend and each device's memory, such as cuda=80GB or " +
  "vulkan=24GB,24GB";

/**
 * The devices that `--devices` describes, all of their memory free: of a machine that isn't this
 * one. Metal's is RAM and counted there too.
 *
 * @param text `cuda=80GB`, `vulkan=24GB,24GB`, `metal=24GB`; sizes as `parseSize` reads them
 * @throws {BrainjarError} `invalid-value` for a backend that there isn't, none, several, or too many
 * devices; `invalid-size` for a size that is none.
 *
 * @example
 * ```ts
 * import { parseDevices } from "./devices.ts";
 * const [first, second] = parseDevices("vulkan=24GB,16GB");
 * if (first?.device.id !== "vulkan:0") throw new Error("Numbered from 0");
 * if (second?.memory.totalBytes !== 16 * 1024 ** 3) throw new Error("Two devices");
 * ```
 */
export function parseDevices(text: string): readonly ComputingDevice[] {
  const items = text.split(",").map((item) => item.trim());
  const backend = backendOf(text, items[0] ?? "");
  const most = MOST_DEVICES[backend];
  if (items.length > most) {
    const hint = most === 1 ? `There is one ${backend} device at most` : `It takes ${most} at most`;
    throw invalid(text, hint);
  }
  return items.map((item, index) => {
    return describedDevice(`${backend}:${index}`, bytesOf(text, item, backend), FLAG);
  });
}

/**
 * A device of which nothing but its size is known, all of its memory free.
 *
 * @param id of a known backend: `cuda:0`
 * @param flag what described it
 */
export function describedDevice(id: string, bytes: number, flag: string): ComputingDevice {
  const backend = GPU_BACKENDS.find((one) => id.startsWith(`${one}:`));
  if (backend === undefined) throw new RangeError(`No backend has a device "${id}"`);
  const memory: DeviceReading = {
    id,
    backend,
    kind: backend === "metal" ? "unified" : "device",
    isIntegrated: false,
    name: `${flag} ${backend}=${formatSize(bytes)}`,
    totalBytes: bytes,
    availableBytes: bytes,
    reservedBytes: 0,
    ...(backend === "cuda" ? { multiprocessors: mostMultiprocessors(bytes) } : {}),
    sources: [
      { figure: "total", name: flag, bytes, decides: true },
      { figure: "available", name: flag, bytes, decides: true },
    ],
  };
  return { memory, device: deviceOf(memory) };
}

function backendOf(text: string, first: string): GpuBackend {
  const [word = "", ...rest] = first.split("=");
  const given = word.trim();
  const backend = GPU_BACKENDS.find((one) => one === given.toLowerCase());
  if (backend === undefined || rest.length === 0) {
    throw invalid(text, given === "" || backend !== undefined ? EXAMPLES : backendHint(given));
  }
  return backend;
}

function backendHint(given: string): string {
  return didYouMean(given, GPU_BACKENDS, EXAMPLES);
}

/** One device's size; the backend may stand before each. */
function bytesOf(text: string, item: string, backend: GpuBackend): number {
  const [size = "", ...words] = item.split("=").map((word) => word.trim()).toReversed();
  const [word = backend, ...more] = words.map((word) => word.toLowerCase());
  if (more.length > 0) throw invalid(text, EXAMPLES);
  if (word !== backend) {
    const isBackend = GPU_BACKENDS.some((one) => one === word);
    throw invalid(
      text,
      isBackend
        ? `The engine drives devices of one kind: ${backend} or ${word}`
        : backendHint(word),
    );
  }
  return readSize(FLAG, size, { hint: EXAMPLES });
}

function invalid(text: string, hint: string): BrainjarError {
  return new BrainjarError("invalid-value", `Flag "${FLAG}" can't be "${text}"`, { hint });
}
