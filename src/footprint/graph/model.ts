import type { GgufHeader } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters.ts";
import { Tensor } from "./tensor.ts";

/** A header as the graph builders see it: weights by name, keys by name. */
export class Model {
  readonly #tensors = new Map<string, Tensor>();
  readonly architecture: string;

  constructor(readonly hyperparameters: Hyperparameters, readonly header: GgufHeader) {
    this.architecture = hyperparameters.architecture;
    for (const info of header.tensors) {
      const tensor = new Tensor(info.type, info.dimensions, undefined, true);
      tensor.isExternal = true;
      this.#tensors.set(info.name, tensor);
    }
  }

  find(name: string): Tensor | undefined {
    return this.#tensors.get(name);
  }

  /** Gives the weights of the first `count` layers to the layers after them. */
  repeatLayers(count: number, times: number): void {
    for (const [name, tensor] of [...this.#tensors]) {
      const match = /^blk\.(\d+)\.(.+)$/.exec(name);
      if (match === null || Number(match[1]) >= count) continue;
      for (let time = 1; time < times; time++) {
        this.#tensors.set(`blk.${Number(match[1]) + time * count}.${match[2]}`, tensor);
      }
    }
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
