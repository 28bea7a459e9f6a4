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
