import type { Offload } from "../options.ts";

/** On which device everything of a layer lies: an index into the devices, nothing for RAM. */
export type Place = number | undefined;

/** Where a model's layers lie. */
export interface Placement {
  /** By layer: weights, cache and state. */
  readonly layers: readonly Place[];
  /** What comes after the last one. */
  readonly output: Place;
  /** Whether the output and all layers lie on devices. */
  readonly isWhole: boolean;
}

/** Bounds of the devices' shares of the layers, in the single precision that llama.cpp has. */
function shareBounds(freeBytes: readonly number[]): number[] {
  let sum = 0;
  const bounds = freeBytes.map((bytes) => sum = Math.fround(sum + Math.fround(bytes)));
  return bounds.map((bound) => Math.fround(bound / sum));
}

/**
 * Where llama.cpp puts each layer (llama-model.cpp, `load_tensors`): the last `gpuLayers` of the
 * layers and the output lie on devices, which share them by their free bytes, one after the other.
 *
 * @param layerCount of the file, layers that predict further tokens among them
 *
 * @example
 * ```ts
 * import { placeLayers } from "./placement.ts";
 * const device = { backend: "cuda", isUnified: false } as const;
 * const devices = [
 *   { ...device, id: "cuda:0", freeBytes: 2e9 },
 *   { ...device, id: "cuda:1", freeBytes: 1e9 },
 * ];
 * const { layers, output } = placeLayers(3, { devices, gpuLayers: 3 });
 * if (layers[0] !== undefined || layers[1] !== 0 || output !== 1) throw new Error();
 * ```
 */
export function placeLayers(layerCount: number, { devices, gpuLayers }: Offload): Placement {
  const bounds = shareBounds(devices.map(({ freeBytes }) => freeBytes));
  const first = Math.max(layerCount + 1 - gpuLayers, 0);
  const count = Math.min(gpuLayers, layerCount + 1);
  const placeOf = (layer: number): Place => {
    if (layer < first || layer - first >= count) return undefined;
    const share = Math.fround((layer - first) / count);
    const device = bounds.findIndex((bound) => bound > share);
    // Devices that say they have nothing free divide by zero; llama.cpp takes RAM's bytes instead.
    return device < 0 ? devices.length - 1 : device;
  };
  return {
    layers: Array.from({ length: layerCount }, (_, layer) => placeOf(layer)),
    output: placeOf(layerCount),
    isWhole: gpuLayers > layerCount,
  };
}

/**
 * How far off a device's free bytes may be when a model is loaded: what an open engine holds there is
 * known to within 12 MiB, and what others hold comes and goes.
 */
const UNCERTAIN_BYTES = 16 * 1024 ** 2;

/**
 * The same with the free bytes that several devices may turn out to have, where layers would then lie
 * otherwise: a share's bound that is as near as that may be on either side of a layer.
 *
 * @param layerCount as for `placeLayers`
 *
 * @example
 * ```ts
 * import { otherShares } from "./placement.ts";
 * const device = { backend: "cuda", isUnified: false } as const;
 * const devices = [
 *   { ...device, id: "cuda:0", freeBytes: 1.001e9 },
 *   { ...device, id: "cuda:1", freeBytes: 1e9 },
 * ];
 * if (otherShares(3, { devices, gpuLayers: 4 }).length !== 1) throw new Error("2 and 2, or 3 and 1");
 * ```
 */
export function otherShares(layerCount: number, offload: Offload): Offload[] {
  const { devices } = offload;
  if (devices.length < 2) return [];
  const asPlaced = (one: Offload) => {
    const { layers, output } = placeLayers(layerCount, one);
    return [...layers, output].join();
  };
  const own = asPlaced(offload);
  const found = new Map<string, Offload>();
  for (const chosen of devices) {
    for (const sign of [-1, 1]) {
      const other = {
        ...offload,
        devices: devices.map((device) => {
          const change = (device === chosen ? sign : -sign) * UNCERTAIN_BYTES;
          return { ...device, freeBytes: Math.max(0, device.freeBytes + change) };
        }),
      };
      const place = asPlaced(other);
      if (place !== own && !found.has(place)) found.set(place, other);
    }
  }
  return [...found.values()];
}
