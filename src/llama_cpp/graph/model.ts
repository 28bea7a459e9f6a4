import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import { ArchitectureKeys } from "../hyperparameters/architecture_keys.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { LEAF, type Shape, Tensor } from "../ggml/tensor.ts";

/** Not a name that a file could have. */
const TIED = "output.weight, tied";

/** A header as the graph builders see it: weights by name, and its keys. */
export class Model {
  readonly #infos = new Map<string, TensorInfo>();
  readonly #tensors = new Map<string, Tensor>();
  readonly keys: ArchitectureKeys;
  /** One number for each layer, of its weights' names and shapes (layers.ts); made when asked for. */
  weightKinds: readonly number[] | undefined;
  // Most models have neither, and every matrix and norm asks.
  #hasBiases = false;
  #hasScales = false;
  /** Layers of the file that later ones repeat, 0 where each has its own. */
  #repeated = 0;

  readonly #deviceOf: (layer: number) => number;

  /** @param deviceOf a number for where a layer's weights lie, the same for layers at one place */
  constructor(
    readonly hyperparameters: Hyperparameters,
    readonly header: GgufHeader,
    deviceOf: (layer: number) => number = () => 0,
  ) {
    this.#deviceOf = deviceOf;
    this.keys = new ArchitectureKeys(header.metadata, hyperparameters.architecture);
    for (const info of header.tensors) {
      this.#infos.set(info.name, info);
      if (info.name.endsWith(".bias")) this.#hasBiases = true;
      else if (info.name.endsWith(".scale")) this.#hasScales = true;
    }
  }

  find(name: string): Tensor | undefined {
    const own = this.#repeated === 0 ? name : this.#ownName(name);
    return this.#tensors.get(own) ?? this.#make(own, own);
  }

  has(name: string): boolean {
    return this.#infos.has(name);
  }

  /** What is added to the result of a matrix or a norm. */
  findBias(name: string): Tensor | undefined {
    return this.#hasBiases ? this.find(`${name}.bias`) : undefined;
  }

  /** What the result of a matrix is multiplied by. */
  findScale(name: string): Tensor | undefined {
    return this.#hasScales ? this.find(`${name}.scale`) : undefined;
  }

  /** The embedding as output: a tensor of its own, since it may lie elsewhere (TENSOR_DUPLICATED). */
  tiedOutput(): Tensor | undefined {
    return this.#tensors.get(TIED) ?? this.#make(TIED, "token_embd.weight");
  }

  /**
   * A layer's copy of a weight that stands once in the file: each device has one (TENSOR_DUPLICATED).
   */
  copyFor(layer: number, name: string): Tensor | undefined {
    if (!this.has(name)) return undefined;
    const key = `${name}@${this.#deviceOf(layer)}`;
    const known = this.#tensors.get(key);
    if (known !== undefined) return known;
    const made = this.#make(key, name);
    if (made !== undefined) made.layer = layer;
    return made;
  }

  /** A weight that is loaded in another shape than the file's. */
  findAs(name: string, shape: Shape): Tensor | undefined {
    const key = `${name}@${shape}`;
    return this.#tensors.get(key) ?? this.#make(key, name, shape);
  }

  #make(key: string, name: string, shape?: Shape): Tensor | undefined {
    const info = this.#infos.get(name);
    if (info === undefined || this.hyperparameters.rules.unusedWeights?.test(name)) {
      return undefined;
    }
    const tensor = new Tensor(info.type, shape ?? info.dimensions, undefined, LEAF);
    tensor.isExternal = true;
    tensor.weightName = key === TIED ? "output.weight" : name;
    this.#tensors.set(key, tensor);
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
