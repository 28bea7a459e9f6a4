import type { ArchitectureKeys } from "./architecture_keys.ts";
import type { ArchitectureRules, SlidingWindowPattern } from "./architecture_rules.ts";
import type { LayerSizes } from "./layer_sizes.ts";

const PATTERN = "attention.sliding_window_pattern";

/** How the layers with a sliding window mask what they may look at (llama-hparams.h). */
type SlidingWindowKind = "none" | "standard" | "chunked" | "symmetric";

function periodic(period: number, denseFirst: boolean, layers: LayerSizes): boolean[] {
  return Array.from({ length: layers.all }, (_, layer) => {
    if (layer >= layers.text) return false;
    if (period === 0) return true;
    return denseFirst ? layer % period !== 0 : layer % period < period - 1;
  });
}

/** An array that the header must have: of just so many entries, or of any length. */
function listed(keys: ArchitectureKeys, layers: LayerSizes, count?: number): boolean[] {
  const values = count === undefined ? keys.array(PATTERN) : keys.perLayer(PATTERN, count);
  if (values === undefined) throw keys.missing(PATTERN);
  return Array.from({ length: layers.all }, (_, layer) => (values[layer] ?? 0) !== 0);
}

function slidingLayers(
  pattern: SlidingWindowPattern,
  keys: ArchitectureKeys,
  layers: LayerSizes,
  recurrent: readonly boolean[],
): boolean[] {
  switch (pattern) {
    case "every":
      return recurrent.map(() => true);
    case "not-recurrent":
      return recurrent.map((isRecurrent, layer) => layer < layers.text && !isRecurrent);
    case "layers":
      return listed(keys, layers, layers.text);
    case "all-layers":
      return listed(keys, layers, layers.all);
    case "any-length":
      return listed(keys, layers);
  }
  const period = keys.isArray(PATTERN) ? undefined : keys.number(PATTERN);
  if (pattern.orLayers && period === undefined) return listed(keys, layers, layers.text);
  return periodic(period ?? pattern.period, pattern.denseFirst ?? false, layers);
}

/**
 * Reads which layers have a sliding window, and how far they look, by the architecture's rule
 * (`set_swa_pattern` and the keys that src/models/*.cpp read); no layer has where there is no rule.
 */
export function readSlidingWindow(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: LayerSizes,
  recurrent: readonly boolean[],
): { kind: SlidingWindowKind; window: number; layers: readonly boolean[] } {
  const none = { kind: "none", window: 0, layers: recurrent.map(() => false) } as const;
  const rule = rules.slidingWindow;
  if (rule === undefined) return none;
  const read = keys.number("attention.sliding_window");
  const slides = rule.when === undefined ||
    (rule.when === "window" && (read ?? 0) > 0) ||
    (rule.when === "unless-zero" && read !== 0) ||
    (rule.when === "64-layers" && layers.text === 64);
  if (!slides) return none;
  const window = rule.fixedWindow ?? read ?? rule.defaultWindow;
  if (window === undefined) throw keys.missing("attention.sliding_window");
  const sliding = slidingLayers(rule.pattern, keys, layers, recurrent);
  return { kind: rule.kind ?? "standard", window, layers: sliding };
}
