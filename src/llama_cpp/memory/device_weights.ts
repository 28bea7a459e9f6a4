import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import { bufferBytes, type BufferType } from "../ggml/buffer_type.ts";
import { amxBytes, isRepackable } from "../ggml/repacking.ts";
import { padTo, TENSOR_ALIGNMENT, tensorBytes } from "../ggml/tensor_bytes.ts";
import { ggmlType } from "../ggml/types.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { CpuFeatures } from "../options.ts";
import type { WeightPlace, WeightPlaces } from "./weight_places.ts";
import {
  isMultiplied,
  isReadByRow,
  isSkipped,
  type LoadedWeight,
  tiedEmbedding,
} from "./weights.ts";

/** What decides where weights lie, where there are devices. */
export interface WeightDevices {
  readonly places: WeightPlaces;
  /** Of each device. */
  readonly buffers: readonly BufferType[];
  /** Of pinned RAM. */
  readonly pinned: BufferType;
  readonly cpu: CpuFeatures;
  /** Weights in pinned RAM are mapped from the file instead. */
  readonly mmap: boolean;
}

/**
 * Where a weight lies in the end: on a device, or in one of four kinds of RAM. What is mapped would
 * be pinned without a mapping, and is counted as the dry load counts it, which maps nothing.
 */
export type WeightBuffer = number | "pinned" | "mapped" | "repacked" | "plain";

/** Finds where a weight of the graph lies, by its name and the layer whose copy it is. */
export type BufferOfWeight = (name: string, layer: number) => WeightBuffer;

/** The weights that llama.cpp loads onto devices and into RAM. */
export class DeviceWeights {
  readonly weights: readonly LoadedWeight[];
  readonly #loaded: LoadedWeight[] = [];
  /** By name; of weights that every layer has again, by layer. */
  readonly #buffers = new Map<string, WeightBuffer | readonly WeightBuffer[]>();

  /**
   * Each on the device of its layer if that can compute with it, else in RAM: as the file has it where
   * a device could copy it for large batches, else laid out anew. Two loads of one that lie
   * together are one.
   */
  constructor(
    header: GgufHeader,
    shape: Hyperparameters,
    private readonly devices: WeightDevices,
  ) {
    const { places } = devices;
    const tied = tiedEmbedding(header, shape);
    for (const tensor of header.tensors) {
      if (isSkipped(tensor, shape)) continue;
      const multiplied = isMultiplied(tensor);
      const byRow = isReadByRow(tensor, shape);
      const own = places.of(tensor).map((place) => this.#bufferOf(tensor, place, multiplied));
      this.#buffers.set(tensor.name, own.length === 1 ? own[0] ?? "plain" : own);
      const output = tensor === tied ? this.#asOutput(tensor) : undefined;
      const isCopied = output !== undefined &&
        (shape.rules.outputLoadedFirst === true || !own.includes(output));
      // A tied embedding that is multiplied where it lies is read whole.
      for (const buffer of new Set(own)) {
        this.#load(tensor, buffer, byRow && (isCopied || buffer !== output));
      }
      if (isCopied) this.#load(tensor, output, false);
    }
    const find = (name: string) => header.tensors.find((tensor) => tensor.name === name);
    const output = find("output.weight");
    if (
      shape.rules.embeddingIsOutput === true && output !== undefined &&
      find("token_embd.weight") === undefined
    ) {
      const buffer = this.#asOutput(output);
      this.#buffers.set("token_embd.weight", buffer);
      this.#load(output, buffer, true);
    }
    this.weights = this.#loaded;
  }

  /** Where a weight of the graph lies. */
  bufferOf(name: string, layer: number): WeightBuffer {
    const known = this.#buffers.get(name) ?? "plain";
    return typeof known === "object" ? known[layer] ?? "plain" : known;
  }

  #asOutput(tensor: TensorInfo): WeightBuffer {
    const buffer = this.#bufferOf(tensor, this.devices.places.asOutput(tensor), true);
    this.#buffers.set("output.weight", buffer);
    return buffer;
  }

  #bufferOf(tensor: TensorInfo, place: WeightPlace, multiplied: boolean): WeightBuffer {
    if (typeof place === "number") return place;
    if (place === "pinned") return this.devices.mmap ? "mapped" : "pinned";
    return multiplied && isRepackable(tensor, this.devices.cpu) ? "repacked" : "plain";
  }

  #load(tensor: TensorInfo, buffer: WeightBuffer, readByRow: boolean): void {
    const plain = tensorBytes(tensor);
    const device = typeof buffer === "number" ? this.devices.buffers[buffer] : undefined;
    if (typeof buffer === "number" && device !== undefined) {
      const [n0 = 0] = tensor.dimensions;
      const bytes = bufferBytes(device, { type: ggmlType(tensor.type), n0, bytes: plain });
      this.#loaded.push({ tensor, bytes, repacked: false, readByRow: false, device: buffer });
      return;
    }
    const repacked = buffer === "repacked";
    const bytes = (repacked ? amxBytes(tensor, this.devices.cpu) : undefined) ?? plain;
    const isPinned = buffer === "pinned" || buffer === "mapped";
    const alignment = isPinned ? this.devices.pinned.alignment : TENSOR_ALIGNMENT;
    this.#loaded.push({ tensor, bytes: padTo(bytes, alignment), repacked, readByRow });
  }
}
