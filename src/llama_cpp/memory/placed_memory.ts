import { sum } from "../../budget/sum.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { RAM_BUFFER } from "../ggml/buffer_type.ts";
import type { Backend } from "../ggml/backends/backend.ts";
import { backendOf } from "../ggml/backends/backends.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { CpuFeatures, FootprintOptions, Offload } from "../options.ts";
import { contextSizes } from "./context_sizes.ts";
import { kvCacheLayers, type LayerBytes } from "./kv_cache.ts";
import { placeLayers, type Placement } from "./placement.ts";
import { recurrentStateLayers } from "./recurrent_state.ts";
import { type BufferOfWeight, DeviceWeights } from "./device_weights.ts";
import { WeightPlaces } from "./weight_places.ts";
import type { LoadedWeight } from "./weights.ts";

/** Bytes of one kind by where they lie. */
export interface BytesByPlace {
  readonly ram: number;
  /** Of each device, in the engine's order. */
  readonly devices: readonly number[];
}

/** Where everything lies that a model and a context keep, but for what is computed. */
export interface PlacedMemory {
  readonly placement: Placement;
  /** Of each device. */
  readonly backends: readonly Backend[];
  readonly weights: readonly LoadedWeight[];
  readonly bufferOfWeight: BufferOfWeight;
  readonly kvCache: BytesByPlace;
  readonly recurrentState: BytesByPlace;
}

/** A model as far as it decides where things lie. */
interface PlacedModel {
  readonly header: GgufHeader;
  readonly shape: Hyperparameters;
  readonly cpu: CpuFeatures;
}

function byPlace(layers: LayerBytes, { layers: places }: Placement, count: number): BytesByPlace {
  const devices = Array.from({ length: count }, () => 0);
  let ram = 0;
  for (const [layer, bytes] of layers) {
    const place = places[layer];
    if (place === undefined) ram += bytes;
    else devices[place] = (devices[place] ?? 0) + bytes;
  }
  return { ram, devices };
}

/** Where a model's weights, its cache and its state lie, and how many bytes they take there. */
export function placeMemory(
  { header, shape, cpu }: PlacedModel,
  options: FootprintOptions,
  offload: Offload,
): PlacedMemory {
  const { devices } = offload;
  const placement = placeLayers(shape.allLayerCount, offload);
  const backends = devices.map((device) => backendOf(device, shape.usesAlibi));
  const buffers = backends.map(({ buffer }) => buffer);
  const bufferOf = (layer: number) => buffers[placement.layers[layer] ?? -1] ?? RAM_BUFFER;
  const sizes = contextSizes(shape, options);
  const weights = new DeviceWeights(header, shape, {
    places: new WeightPlaces(header, shape, backends, placement),
    buffers,
    pinned: backends.find(({ hostBuffer }) => hostBuffer !== undefined)?.hostBuffer ?? RAM_BUFFER,
    cpu,
    mmap: options.mmap,
  });
  return {
    placement,
    backends,
    weights: weights.weights,
    bufferOfWeight: (name, layer) => weights.bufferOf(name, layer),
    kvCache: byPlace(
      kvCacheLayers(shape, sizes, options, bufferOf),
      placement,
      devices.length,
    ),
    recurrentState: byPlace(
      recurrentStateLayers(shape, sizes, bufferOf),
      placement,
      devices.length,
    ),
  };
}

/** Bytes of weights by where they lie. */
export function weightsByPlace(weights: readonly LoadedWeight[], count: number): BytesByPlace {
  const on = (device: number | undefined) =>
    sum(weights.filter((weight) => weight.device === device).map(({ bytes }) => bytes));
  return { ram: on(undefined), devices: Array.from({ length: count }, (_, device) => on(device)) };
}
