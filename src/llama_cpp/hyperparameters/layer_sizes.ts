import type { GgufHeader } from "../../gguf/header.ts";
import { type ArchitectureKeys, hyperparameterError } from "./architecture_keys.ts";
import { countTensorLayers } from "./header_shape.ts";

/** llama-hparams.h's LLAMA_MAX_LAYERS: more can't be loaded, so more can't make a loop long. */
export const LARGEST_LAYER_COUNT = 512;

/** What a header says of each layer, one entry for each of `all`. */
export interface LayerSizes {
  /** Layers that text passes through. */
  readonly text: number;
  /** With the layers that predict further tokens. */
  readonly all: number;
  readonly headCounts: readonly number[];
  readonly keyValueHeadCounts: readonly number[];
  readonly feedForwardLengths: readonly number[];
  readonly routerLayer: number;
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** DeepSeek-V4 counts layers that predict further tokens only where their weights are there. */
function predictionLayers(keys: ArchitectureKeys, header: GgufHeader, all: number): number {
  const name = "nextn_predict_layers";
  const count = keys.number(name) ?? 0;
  if (count > all) throw hyperparameterError(keys.key(name), count, `at most ${all}`);
  if (keys.architecture !== "deepseek4") return count;
  const probe = `blk.${all - count}.nextn.eh_proj.weight`;
  return header.tensors.some((tensor) => tensor.name === probe) ? count : 0;
}

/** Nanbeige passes its layers several times, each pass with a cache of its own. */
function loops(keys: ArchitectureKeys, count: number): number {
  if (keys.architecture !== "nanbeige") return 1;
  const loops = keys.number("num_loops") ?? 1;
  if (loops < 1 || loops * count > LARGEST_LAYER_COUNT) {
    throw hyperparameterError(keys.key("num_loops"), loops, "a smaller number above 0");
  }
  return loops;
}

/**
 * Reads how many layers there are and what each has (llama-model.cpp, `load_hparams`; the
 * exceptions from src/models/{deepseek4,nanbeige,granite-switch}.cpp).
 *
 * `known` says whether the architecture is; of others the tensors are counted where the header
 * has no `block_count`.
 */
export function readLayerSizes(
  keys: ArchitectureKeys,
  header: GgufHeader,
  known: boolean,
): LayerSizes {
  const count = keys.number("block_count") ?? (known ? undefined : countTensorLayers(header));
  if (count === undefined) throw keys.missing("block_count");
  if (count > LARGEST_LAYER_COUNT || (known && count === 0)) {
    const wanted = `a number of layers from 1 to ${LARGEST_LAYER_COUNT}`;
    throw hyperparameterError(keys.key("block_count"), count, wanted);
  }
  const read = (name: string) => keys.perLayer(name, count);
  const heads = read("attention.head_count") ?? zeros(count);
  const keyValueHeads = read("attention.head_count_kv") ?? heads;
  const feedForward = read("feed_forward_length") ?? zeros(count);
  const predictions = predictionLayers(keys, header, count);
  if (keys.architecture === "graniteswitch") {
    const text = count - predictions;
    const withRouter = (values: readonly number[], router: number) => [
      ...values.slice(0, text),
      router,
    ];
    return {
      text,
      all: text + 1,
      headCounts: withRouter(heads, 1),
      keyValueHeadCounts: withRouter(keyValueHeads, 1),
      feedForwardLengths: withRouter(feedForward, 0),
      routerLayer: text,
    };
  }
  const passes = loops(keys, count - predictions);
  const repeat = (values: readonly number[]) =>
    passes === 1 ? values : Array.from({ length: passes }, () => values).flat();
  const all = passes === 1 ? count : passes * (count - predictions);
  return {
    text: all - predictions,
    all,
    headCounts: repeat(heads),
    keyValueHeadCounts: repeat(keyValueHeads),
    feedForwardLengths: repeat(feedForward),
    routerLayer: -1,
  };
}
