import type { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader, TensorInfo } from "../../gguf/header.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { HeaderKeys, unloadable } from "./header_keys.ts";

/** Whether a tensor must be in the file, and whether it is loaded where it is (`create_tensor`). */
export interface Presence {
  readonly isNeeded: boolean;
  /** It may lie in the file and isn't loaded (`TENSOR_SKIP`). */
  readonly isSkipped?: boolean;
}

/** The file must have it. */
export const NEEDED: Presence = { isNeeded: true };
/** The file may have it. */
export const OPTIONAL: Presence = { isNeeded: false };
/** The file must have it, and it isn't loaded. */
export const NEEDED_UNLOADED: Presence = { isNeeded: true, isSkipped: true };
/** The file may have it, and it isn't loaded. */
export const OPTIONAL_UNLOADED: Presence = { isNeeded: false, isSkipped: true };

const TENSOR_HINT =
  "Its tensors are those of another model or of another llama.cpp: convert the model again, or use another file of it";
const OLD_EXPERTS_HINT =
  "Its experts lie apart, as llama.cpp wrote them until 2024: convert the model again, or use a newer file of it";
const ENCODER_HINT =
  "It has an encoder of images or sound inside, which llama.cpp wants in a file of its own: use the file of the text model alone";

/** Tensors of encoders, as other programs put them into the same file. */
const ENCODER = /^(v|a|mm|vision|audio)\./;

/** Weights that may bring a scale of their own, one number each (llama-model.cpp, `load_tensors`). */
const SCALED = [
  "attn_q",
  "attn_k",
  "attn_v",
  "attn_output",
  "attn_qkv",
  "attn_gate",
  "ffn_gate",
  "ffn_down",
  "ffn_up",
  "ffn_gate_shexp",
  "ffn_down_shexp",
  "ffn_up_shexp",
  "ssm_in",
  "ssm_out",
  "ssm_alpha",
  "ssm_beta",
  "nextn.eh_proj",
  "nextn.shared_head_head",
];
/** The same with a number for each expert. */
const SCALED_BY_EXPERT = ["ffn_gate_exps", "ffn_down_exps", "ffn_up_exps"];

/** A tensor of the file, and what it was asked for as. */
interface FileTensor {
  readonly info: TensorInfo;
  isAsked: boolean;
  isLoaded: boolean;
}

/**
 * Asks a header for what llama.cpp would ask it for, in the same way: each key with its type, each
 * tensor with its shape (llama-model-loader.cpp, `create_tensor`). What isn't as asked for is an
 * error of code `model-unloadable`; so is a tensor that nobody asked for (`finish`).
 *
 * Sizes are those of the first layer where no layer is given, as the locals of llama.cpp's loading
 * functions are (`LLAMA_LOAD_LOCALS`).
 */
export class Loader extends HeaderKeys {
  readonly #tensors = new Map<string, FileTensor>();
  /** How many of them were asked for. */
  #askedCount = 0;

  constructor(header: GgufHeader, readonly hyperparameters: Hyperparameters) {
    super(header, hyperparameters.architecture);
    for (const info of header.tensors) {
      this.#tensors.set(info.name, { info, isAsked: false, isLoaded: false });
    }
  }

  /** `n_layer`: layers that text passes through. */
  get layerCount(): number {
    return this.hyperparameters.layerCount;
  }

  /** `n_layer_all`: with the layers that predict further tokens. */
  get allLayerCount(): number {
    return this.hyperparameters.allLayerCount;
  }

  /** `n_embd` */
  get embedding(): number {
    return this.hyperparameters.embeddingLength;
  }

  /** `n_vocab` */
  get vocabulary(): number {
    return this.hyperparameters.vocabularySize;
  }

  /** `n_expert` */
  get experts(): number {
    return this.hyperparameters.experts.count;
  }

  /** `n_head` */
  heads(layer = 0): number {
    return this.hyperparameters.headCounts[layer] ?? 0;
  }

  /** `n_head_kv` */
  keyValueHeads(layer = 0): number {
    return this.hyperparameters.keyValueHeadCounts[layer] ?? 0;
  }

  /** `n_embd_head_k` */
  keyLength(layer = 0): number {
    return this.hyperparameters.keyLengths[layer] ?? 0;
  }

  /** `n_embd_head_v` */
  valueLength(layer = 0): number {
    return this.hyperparameters.valueLengths[layer] ?? 0;
  }

  /** `n_embd_head_k * n_head` */
  queries(layer = 0): number {
    return this.keyLength(layer) * this.heads(layer);
  }

  /** `n_embd_k_gqa` */
  keys(layer = 0): number {
    return this.keyLength(layer) * this.keyValueHeads(layer);
  }

  /** `n_embd_v_gqa` */
  values(layer = 0): number {
    return this.valueLength(layer) * this.keyValueHeads(layer);
  }

  /** `n_ff` */
  feedForward(layer = 0): number {
    return this.hyperparameters.feedForwardLengths[layer] ?? 0;
  }

  /** `n_ff_exp` */
  expertFeedForward(layer = 0): number {
    return this.hyperparameters.experts.feedForwardLengths[layer] ?? 0;
  }

  /** `n_expert_used` */
  expertsUsed(layer = 0): number {
    return this.hyperparameters.experts.usedCounts[layer] ?? 0;
  }

  /** `n_rot` */
  rope(layer = 0): number {
    return this.hyperparameters.ropeDimensionCounts[layer] ?? 0;
  }

  /** `n_cls_out`: labels of a classifier, one where the header has none. */
  get classes(): number {
    const labels = this.value("classifier.output_labels");
    return typeof labels === "object" && labels.length > 0 ? labels.length : 1;
  }

  /** Whether the file has a tensor, asked for or not. */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** The shape that a tensor has in the file (ne0 first), asked for or not. */
  dimensions(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.info.dimensions;
  }

  /** The file must have the tensor, in this shape (ne0 first). */
  need(name: string, ...dimensions: number[]): void {
    this.ask(NEEDED, name, dimensions);
  }

  /** The file may have the tensor, in this shape; whether it does. */
  may(name: string, ...dimensions: number[]): boolean {
    return this.ask(OPTIONAL, name, dimensions);
  }

  /** A tensor by its presence; whether it is in the file and loaded. */
  take(presence: Presence, name: string, ...dimensions: number[]): boolean {
    return this.ask(presence, name, dimensions);
  }

  /** The same where only the number of elements counts (`TENSOR_ALLOW_RESHAPE`). */
  takeReshaped(presence: Presence, name: string, ...dimensions: number[]): boolean {
    return this.ask(presence, name, dimensions, hasAsMany);
  }

  /**
   * What all of these do. It runs hundreds of times for each model, before any compiler has seen
   * it: one look-up, and no list made twice.
   */
  ask(
    presence: Presence,
    name: string,
    dimensions: readonly number[],
    fits: (one: readonly number[], other: readonly number[]) => boolean = isAlike,
  ): boolean {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      if (presence.isNeeded) throw this.#missingTensor(name);
      return false;
    }
    const isLoaded = presence.isSkipped !== true;
    if (!tensor.isAsked) {
      tensor.isAsked = true;
      this.#askedCount++;
    }
    // A tensor that is asked for twice is loaded if it is once.
    if (isLoaded) tensor.isLoaded = true;
    if (!fits(tensor.info.dimensions, dimensions)) throw this.#misshapen(tensor.info, dimensions);
    return isLoaded;
  }

  #missingTensor(name: string): BrainjarError {
    const apart = name.includes("_exps.") && this.has("blk.0.ffn_up.0.weight");
    return unloadable(
      `tensor ${JSON.stringify(name)} is missing`,
      apart ? OLD_EXPERTS_HINT : TENSOR_HINT,
    );
  }

  #misshapen({ name, dimensions }: TensorInfo, wanted: readonly number[]): BrainjarError {
    const shown = (sizes: readonly number[]) => sizes.join(" × ");
    const where = `where ${shown(wanted)} belongs`;
    return unloadable(
      `tensor ${JSON.stringify(name)} has the shape ${shown(dimensions)} ${where}`,
      TENSOR_HINT,
    );
  }

  /** One layer, whose tensors are named without their prefix. */
  layer(index: number): LayerLoader {
    return new LayerLoader(this, index);
  }

  /** The layers that text passes through, or the first `count`. */
  *layers(count: number = this.layerCount): Generator<LayerLoader> {
    for (let index = 0; index < count; index++) yield this.layer(index);
  }

  /** Scales beside weights that were loaded; then nothing may be left (`done_getting_tensors`). */
  finish(): void {
    if (this.#askedCount < this.#tensors.size) this.#takeScales();
    if (this.#askedCount === this.#tensors.size) return;
    const left = [...this.#tensors.values()].filter(({ isAsked }) => !isAsked)
      .map(({ info }) => info.name);
    const [first = "", ...others] = left;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    throw unloadable(
      `it has tensors that its architecture doesn't have: ${JSON.stringify(first)}${more}`,
      left.every((name) => ENCODER.test(name)) ? ENCODER_HINT : TENSOR_HINT,
    );
  }

  #takeScales(): void {
    const scale = (base: string, size: number) => {
      if (this.#tensors.get(`${base}.weight`)?.isLoaded !== true) return;
      this.may(`${base}.scale`, size);
      this.may(`${base}.input_scale`, size);
    };
    for (let layer = 0; layer < this.allLayerCount; layer++) {
      for (const name of SCALED) scale(`blk.${layer}.${name}`, 1);
      for (const name of SCALED_BY_EXPERT) scale(`blk.${layer}.${name}`, this.experts);
    }
    if (this.#tensors.get("output.weight")?.info.type === NVFP4) scale("output", 1);
  }
}

/** ggml's number of the one type whose output has scales. */
const NVFP4 = 40;

/** Whether two shapes are the same but for dimensions of 1 at the end. */
function isAlike(one: readonly number[], other: readonly number[]): boolean {
  const count = Math.max(one.length, other.length);
  for (let at = 0; at < count; at++) {
    if ((one[at] ?? 1) !== (other[at] ?? 1)) return false;
  }
  return true;
}

/** Whether two shapes have the same number of elements. */
function hasAsMany(one: readonly number[], other: readonly number[]): boolean {
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  return product(one) === product(other);
}

/** One layer of a loader: `need("attn_norm.weight", …)` asks for `blk.N.attn_norm.weight`. */
export class LayerLoader {
  readonly #prefix: string;

  constructor(readonly model: Loader, readonly index: number) {
    this.#prefix = `blk.${index}.`;
  }

  /** The file must have this layer's tensor, in this shape (ne0 first). */
  need(name: string, ...dimensions: number[]): void {
    this.model.ask(NEEDED, this.#prefix + name, dimensions);
  }

  /** The file may have it; whether it does. */
  may(name: string, ...dimensions: number[]): boolean {
    return this.model.ask(OPTIONAL, this.#prefix + name, dimensions);
  }

  /** By its presence; whether it is in the file and loaded. */
  take(presence: Presence, name: string, ...dimensions: number[]): boolean {
    return this.model.ask(presence, this.#prefix + name, dimensions);
  }

  /** The same where only the number of elements counts. */
  takeReshaped(presence: Presence, name: string, ...dimensions: number[]): boolean {
    return this.model.ask(presence, this.#prefix + name, dimensions, hasAsMany);
  }

  /** Whether the file has it, asked for or not. */
  has(name: string): boolean {
    return this.model.has(this.#prefix + name);
  }

  /** The shape that it has in the file (ne0 first), asked for or not. */
  dimensions(name: string): readonly number[] | undefined {
    return this.model.dimensions(this.#prefix + name);
  }
}
