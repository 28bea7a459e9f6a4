import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { LEAF, Tensor } from "../ggml/tensor.ts";

/** A header as the graph builders see it: weights by name, keys by name. */
export class Model {
  readonly #infos = new Map<string, TensorInfo>();
  readonly #tensors = new Map<string, Tensor>();
  readonly architecture: string;
  /** One number for each layer, of its weights' names and shapes (layers.ts); made when asked for. */
  weightKinds: readonly number[] | undefined;
  /** Layers of the file that later ones repeat, 0 where each has its own. */
  #repeated = 0;

  constructor(readonly hyperparameters: Hyperparameters, readonly header: GgufHeader) {
    this.architecture = hyperparameters.architecture;
    for (const info of header.tensors) this.#infos.set(info.name, info);
  }

  find(name: string): Tensor | undefined {
    const known = this.#tensors.get(name);
    if (known !== undefined) return known;
    const info = this.#infos.get(this.#repeated === 0 ? name : this.#ownName(name));
    if (info === undefined) return undefined;
    const tensor = new Tensor(info.type, info.dimensions, undefined, LEAF);
    tensor.isExternal = true;
    this.#tensors.set(name, tensor);
    return tensor;
  }

  /** Gives the weights of the first `count` layers to all layers after them. */
  repeatLayers(count: number): void {
    this.#repeated = count;
  }

  #ownName(name: string): string {
    return name.replace(
      /^blk\.(\d+)\./,
      (_, layer: string) => `blk.${Number(layer) % this.#repeated}.`,
    );
  }

  /** A number of the header, below the architecture's name. */
  number(key: string, fallback = 0): number {
    const value = this.header.metadata.get(`${this.architecture}.${key}`);
    if (typeof value === "number") return value;
    if (typeof value === "bigint") return Number(value);
    return fallback;
  }

  /** A number that may differ by layer. */
  numberAt(key: string, layer: number, fallback = 0): number {
    const value = this.header.metadata.get(`${this.architecture}.${key}`);
    if (typeof value === "object") {
      const element = value.values?.[layer];
      if (typeof element === "number") return element;
      if (typeof element === "bigint") return Number(element);
      return typeof element === "boolean" ? Number(element) : fallback;
    }
    return this.number(key, fallback);
  }

  flag(key: string, fallback = false): boolean {
    const value = this.header.metadata.get(`${this.architecture}.${key}`);
    return typeof value === "boolean" ? value : fallback;
  }
}
