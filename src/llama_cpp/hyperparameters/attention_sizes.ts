import type { GgufHeader } from "../../gguf/header.ts";
import { type ArchitectureKeys, hyperparameterError } from "./architecture_keys.ts";
import type { ArchitectureRules } from "./architecture_rules.ts";
import { tensorDimension } from "./header_shape.ts";
import type { LatentAttentionSizes } from "./block_sizes.ts";
import type { LayerSizes } from "./layer_sizes.ts";

/** `embedding_length`, from the tensors where the architecture isn't known. */
export function readEmbeddingLength(
  keys: ArchitectureKeys,
  header: GgufHeader,
  known: boolean,
): number {
  const length = keys.number("embedding_length") ??
    (known ? undefined : tensorDimension(header, "token_embd.weight", 0));
  if (length === undefined) throw keys.missing("embedding_length");
  if (known && length === 0) {
    throw hyperparameterError(keys.key("embedding_length"), length, "a number above 0");
  }
  return length;
}

/** Elements of one head, where windows don't slide and where they do. */
export function readHeadLengths(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  embedding: number,
  layers: LayerSizes,
) {
  const heads = layers.headCounts[0] ?? 0;
  const even = heads === 0 ? 0 : Math.floor(embedding / heads);
  const read = (name: string) =>
    heads > 0 || rules.headLengthsWithoutHeads ? keys.number(name) ?? even : 0;
  const key = read("attention.key_length");
  const value = rules.valueLengthIsLatentRank
    ? keys.required("attention.kv_lora_rank")
    : read("attention.value_length");
  const rope = heads === 0 ? 0 : keys.number("rope.dimension_count") ?? key;
  return {
    key,
    value,
    keySliding: keys.number("attention.key_length_swa") ?? key,
    valueSliding: keys.number("attention.value_length_swa") ??
      (rules.valueLengthIsLatentRank ? read("attention.value_length") : value),
    rope: rules.halvesRope ? Math.floor(rope / 2) : rope,
    ropeSliding: keys.number("rope.dimension_count_swa") ?? rope,
  };
}

/** Images that bring embeddings for several layers widen the input. */
export function countDeepstackLayers(rules: ArchitectureRules, keys: ArchitectureKeys): number {
  if (rules.deepstack === "count") return keys.number("n_deepstack_layers") ?? 0;
  if (rules.deepstack !== "mapping") return 0;
  const mapping = keys.signedArray("deepstack_mapping") ?? [];
  return new Set(mapping.filter((index) => index >= 0)).size;
}

/** Whether attention is biased by distance. */
export function usesAlibi(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
): boolean {
  switch (rules.alibi) {
    case "always":
      return true;
    case "40-layers":
      return layers.text === 40;
    case "max-alibi-bias":
      return keys.real("attention.max_alibi_bias") > 0;
    default:
      return false;
  }
}

/** Both MLA lengths, or neither: one alone can't be loaded. */
export function checkLatentAttention(keys: ArchitectureKeys, sizes: LatentAttentionSizes): boolean {
  if ((sizes.keyLength === 0) !== (sizes.valueLength === 0)) {
    throw hyperparameterError(
      keys.key("attention.value_length_mla"),
      sizes.valueLength,
      `the counterpart of a key length of ${sizes.keyLength}`,
    );
  }
  return sizes.keyLength > 0;
}

/** Layers that own a cache; the rest reuse one of theirs (`n_layer_kv_from_start`). */
export function readCachedLayerCount(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
): number {
  if (rules.ownCaches === undefined) return layers.all;
  if (rules.ownCaches !== "less-shared") return Math.min(rules.ownCaches, layers.all);
  const name = "attention.shared_kv_layers";
  const shared = keys.number(name) ?? 0;
  if (shared > layers.all) {
    throw hyperparameterError(keys.key(name), shared, `at most ${layers.all}`);
  }
  return layers.all - shared;
}

/** `attention.compress_ratios`, which a compressed cache must have for each layer; 0 where one isn't compressed. */
export function readCompressRatios(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
): readonly number[] {
  const name = "attention.compress_ratios";
  const ratios = keys.array(name);
  if (rules.memory === "compressed" && (ratios?.length ?? 0) < layers.all) {
    throw ratios === undefined
      ? keys.missing(name)
      : hyperparameterError(keys.key(name), ratios.length, `${layers.all} entries`);
  }
  return Array.from({ length: layers.all }, (_, layer) => ratios?.[layer] ?? 0);
}
