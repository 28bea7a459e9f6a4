import type { GgufHeader } from "../../gguf/header.ts";
import { type ArchitectureKeys, hyperparameterError } from "./architecture_keys.ts";
import { type ArchitectureRules, UNKNOWN_ARCHITECTURE } from "./architecture_rules.ts";
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

/** Layers that predict further tokens. */
function predictionLayers(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  header: GgufHeader,
  all: number,
): number {
  const name = "nextn_predict_layers";
  const count = keys.number(name) ?? 0;
  if (count > all) throw hyperparameterError(keys.key(name), count, `at most ${all}`);
  if (rules.predictionLayersBy === undefined) return count;
  const probe = `blk.${all - count}.${rules.predictionLayersBy}`;
  return header.tensors.some((tensor) => tensor.name === probe) ? count : 0;
}

/** How often text passes the layers. */
function countLoops(rules: ArchitectureRules, keys: ArchitectureKeys, count: number): number {
  if (!rules.repeatsLayers) return 1;
  const loops = keys.number("num_loops") ?? 1;
  if (loops < 1 || loops * count > LARGEST_LAYER_COUNT) {
    throw hyperparameterError(keys.key("num_loops"), loops, "a smaller number above 0");
  }
  return loops;
}

/**
 * Reads how many layers there are and what each has (llama-model.cpp, `load_hparams`). Of
 * an architecture that isn't known the tensors are counted where the header has no `block_count`.
 */
export function readLayerSizes(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  header: GgufHeader,
): LayerSizes {
  const known = rules !== UNKNOWN_ARCHITECTURE;
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
  const predictions = predictionLayers(rules, keys, header, count);
  if (rules.routerLayer) {
    const text = count - predictions;
    const withRouter = (values: readonly number[], router: number) =>
      values.slice(0, text).concat(router);
    return {
      text,
      all: text + 1,
      headCounts: withRouter(heads, 1),
      keyValueHeadCounts: withRouter(keyValueHeads, 1),
      feedForwardLengths: withRouter(feedForward, 0),
      routerLayer: text,
    };
  }
  const passes = countLoops(rules, keys, count - predictions);
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
