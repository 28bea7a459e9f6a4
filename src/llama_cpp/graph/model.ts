import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import { ArchitectureKeys } from "../hyperparameters/architecture_keys.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { LEAF, Tensor } from "../ggml/tensor.ts";

/** A header as the graph builders see it: weights by name, and its keys. */
export class Model {
  readonly #infos = new Map<string, TensorInfo>();
  readonly #tensors = new Map<string, Tensor>();
  readonly keys: ArchitectureKeys;
  /** One number for each layer, of its weights' names and shapes (layers.ts); made when asked for. */
  weightKinds: readonly number[] | undefined;
  /** Layers of the file that later ones repeat, 0 where each has its own. */
  #repeated = 0;

  constructor(readonly hyperparameters: Hyperparameters, readonly header: GgufHeader) {
    this.keys = new ArchitectureKeys(header.metadata, hyperparameters.architecture);
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
}
