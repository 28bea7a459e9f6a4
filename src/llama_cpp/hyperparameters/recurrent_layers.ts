import { type ArchitectureKeys, hyperparameterError } from "./architecture_keys.ts";
import type { ArchitectureRules } from "./architecture_rules.ts";
import type { LayerSizes } from "./layer_sizes.ts";

/**
 * Reads which layers have a recurrent state by the architecture's rule (`is_recr_impl` in
 * llama-model.cpp and src/models/*.cpp).
 */
export function readRecurrentLayers(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
): readonly boolean[] {
  const where = (holds: (layer: number) => boolean): boolean[] =>
    Array.from({ length: layers.all }, (_, layer) => holds(layer));
  const rule = rules.recurrentLayers;
  if (rule === undefined) return where(() => false);
  if (rule === "every") return where(() => true);
  const noHeads = (layer: number) =>
    layer < layers.text && (layers.keyValueHeadCounts[layer] ?? 0) === 0;
  if (rule === "no-kv-heads") return where(noHeads);
  if (rule === "no-kv-heads-no-feed-forward") {
    return where((layer) => noHeads(layer) && (layers.feedForwardLengths[layer] ?? 0) === 0);
  }
  const listed = keys.perLayer("attention.recurrent_layers", layers.all);
  if (listed !== undefined) return where((layer) => listed[layer] !== 0);
  const name = "full_attention_interval";
  const interval = keys.number(name) ?? rule.interval;
  if (interval === 0) throw hyperparameterError(keys.key(name), 0, "a number above 0");
  return where((layer) => layer < layers.text && (layer + 1) % interval !== 0);
}
