import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import type { Backend } from "../ggml/backends/backend.ts";
import { F32, I32, LEAF, OWN_MEMORY, type Shape, Tensor } from "../ggml/tensor.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { Place, Placement } from "./placement.ts";
import { weightUse } from "./weight_uses.ts";

/** Tokens of the batch that is tried (llama-model-loader.cpp, `weight_buft_supported`). */
const TOKENS = 512;

/** Sequences of the batch that states are tried with. */
const SEQUENCES = 3;

/** A result of an operation with a weight among its operands, as it is asked for whether it can be. */
function trial(operation: string, weight: Tensor, shape: Hyperparameters): Tensor {
  const tensor = (type: number, ...dimensions: number[]) =>
    new Tensor(type, dimensions, undefined, LEAF);
  const result = (sources: readonly Tensor[], dimensions: Shape, type: number = F32) => {
    const made = new Tensor(type, dimensions, sources, OWN_MEMORY);
    made.op = operation;
    return made;
  };
  const { n0, n1, n2, n3 } = weight;
  const used = Math.max(1, ...shape.experts.usedCounts);
  switch (operation) {
    case "GET_ROWS":
      return result([weight, tensor(I32, TOKENS)], [n0, TOKENS]);
    case "MUL_MAT":
      return result([weight, tensor(F32, n0, TOKENS, n2, n3)], [n1, TOKENS, n2, n3]);
    case "MUL_MAT_ID": {
      const count = shape.rules.routerLayer === true ? 1 : used;
      const ids = tensor(I32, count, TOKENS);
      return result([weight, tensor(F32, n0, count, TOKENS), ids], [n1, count, TOKENS]);
    }
    case "ADD_ID": {
      const ids = tensor(I32, used, TOKENS);
      return result([tensor(F32, n0, used, TOKENS), weight, ids], [n0, used, TOKENS]);
    }
    case "DIV":
      return result([tensor(F32, n0), weight], [n0]);
    case "ROPE": {
      const [length = 0, heads = 0] = [shape.valueLengths[0], shape.headCounts[0]];
      const x = tensor(F32, length, heads, TOKENS);
      return result([x, tensor(I32, TOKENS), weight], [length, heads, TOKENS]);
    }
    case "SSM_CONV": {
      const x = tensor(F32, n0 - 1 + TOKENS, n1, SEQUENCES);
      return result([x, weight], [n1, TOKENS, SEQUENCES]);
    }
    case "SSM_SCAN": {
      const { stateSize, innerSize, groupCount } = shape.stateSpace;
      const states = n0 === 1 ? stateSize : n0;
      const length = innerSize / n1;
      const group = tensor(F32, states, groupCount || 1, TOKENS, SEQUENCES);
      return result([
        tensor(F32, states, length, n1, SEQUENCES),
        tensor(F32, length, n1, TOKENS, SEQUENCES),
        tensor(F32, n1, TOKENS, SEQUENCES),
        weight,
        group,
        group,
        tensor(I32, SEQUENCES),
      ], [length * n1 * TOKENS * SEQUENCES]);
    }
    case "RWKV_WKV6": {
      // llama.cpp tries all sizes with the same odd number.
      const odd = 123;
      const part = tensor(F32, odd, odd, odd);
      const state = tensor(F32, odd, odd, odd, odd);
      return result([part, part, part, weight, part, state], [odd * odd, odd + odd * odd]);
    }
    case "SCALE":
      return result([weight], [n0, n1, n2, n3], weight.type);
    case "ADD":
    case "MUL":
      return result([tensor(F32, n0, n1, n2, n3), weight], [n0, n1, n2, n3]);
    default:
      return result([weight], [n0, n1, n2, n3]);
  }
}

/** Where a weight lies: on a device, in its pinned RAM, or in RAM that other kinds of buffers have. */
export type WeightPlace = number | "pinned" | "other";

/** Finds places for weights (llama-model-loader.cpp, `select_weight_buft`). */
export class WeightPlaces {
  readonly #scanned: ReadonlySet<number>;
  /** Where nothing else is the last norm, the one named after the embedding is (LFM2). */
  readonly #outputNorm: string | undefined;
  readonly #known = new Map<string, boolean>();

  constructor(
    header: GgufHeader,
    private readonly shape: Hyperparameters,
    private readonly backends: readonly Backend[],
    private readonly placement: Placement,
  ) {
    const hasOutputNorm = header.tensors.some(({ name }) => name === "output_norm.weight");
    this.#outputNorm = hasOutputNorm || shape.rules.purpose === "encoder"
      ? undefined
      : "token_embd_norm.weight";
    // Models that scan their states have this beside the decay; others multiply by it.
    this.#scanned = new Set(
      header.tensors.flatMap(({ name }) => {
        const layer = /^blk\.(\d+)\.ssm_d$/.exec(name)?.[1];
        return layer === undefined ? [] : [Number(layer)];
      }),
    );
  }

  /** Of a weight of the file; one for each layer where every layer has it again. */
  of(tensor: TensorInfo): readonly WeightPlace[] {
    const use = weightUse(tensor.name);
    const { part } = use;
    const operation = use.operation === "SSM_SCAN" && !this.#scanned.has(Number(part))
      ? "MUL"
      : use.operation;
    if (tensor.name === this.#outputNorm) {
      return [this.#choose(tensor, operation, this.placement.output)];
    }
    if (part === "input") return [this.#choose(tensor, operation, undefined)];
    if (part === "output") return [this.#choose(tensor, operation, this.placement.output)];
    if (part === "every-layer") {
      return this.placement.layers.map((layer) => this.#choose(tensor, operation, layer));
    }
    return [this.#choose(tensor, operation, this.placement.layers[part])];
  }

  /** Of a weight that is loaded as output. */
  asOutput(tensor: TensorInfo): WeightPlace {
    return this.#choose(tensor, "MUL_MAT", this.placement.output);
  }

  #choose(tensor: TensorInfo, operation: string, place: Place): WeightPlace {
    if (place !== undefined && this.#supports(place, tensor, operation)) return place;
    const host = this.backends.findIndex(({ hostBuffer }) => hostBuffer !== undefined);
    return host >= 0 && this.#supports(host, tensor, operation) ? "pinned" : "other";
  }

  #supports(index: number, { type, dimensions }: TensorInfo, operation: string): boolean {
    const key = `${index} ${operation} ${type} ${dimensions}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const weight = new Tensor(type, dimensions, undefined, LEAF);
    const supported = this.backends[index]?.supports(trial(operation, weight, this.shape)) ?? false;
    this.#known.set(key, supported);
    return supported;
  }
}
