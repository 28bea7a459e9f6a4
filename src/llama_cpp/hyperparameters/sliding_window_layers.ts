import type { ArchitectureKeys } from "./architecture_keys.ts";
import type { ArchitectureRules, SlidingWindowPattern } from "./architecture_rules.ts";

const PATTERN = "attention.sliding_window_pattern";

/** How the layers with a sliding window mask what they may look at (llama-hparams.h). */
export type SlidingWindowKind = "none" | "standard" | "chunked" | "symmetric";

/** Which layers slide, and how far they look. */
export interface SlidingWindowLayers {
  readonly kind: SlidingWindowKind;
  readonly window: number;
  readonly layers: readonly boolean[];
}

/** How many layers there are, and which have a state. */
interface Layers {
  readonly text: number;
  readonly all: number;
  readonly recurrent: readonly boolean[];
}

function periodic(period: number, denseFirst: boolean, layers: Layers): boolean[] {
  return Array.from({ length: layers.all }, (_, layer) => {
    if (layer >= layers.text) return false;
    if (period === 0) return true;
    return denseFirst ? layer % period !== 0 : layer % period < period - 1;
  });
}

function fromArray(values: readonly number[], layers: Layers): boolean[] {
  return Array.from({ length: layers.all }, (_, layer) => (values[layer] ?? 0) !== 0);
}

function requiredLayers(keys: ArchitectureKeys, count: number, layers: Layers): boolean[] {
  const values = keys.perLayer(PATTERN, count);
  if (values === undefined) throw keys.missing(PATTERN);
  return fromArray(values, layers);
}

function slidingLayers(
  pattern: SlidingWindowPattern,
  keys: ArchitectureKeys,
  layers: Layers,
): boolean[] {
  if (pattern === "every") return Array.from({ length: layers.all }, () => true);
  if (pattern === "not-recurrent") {
    return layers.recurrent.map((recurrent, layer) => layer < layers.text && !recurrent);
  }
  if (pattern === "layers") return requiredLayers(keys, layers.text, layers);
  if (pattern === "all-layers") return requiredLayers(keys, layers.all, layers);
  if (pattern === "any-length") {
    const values = keys.array(PATTERN);
    if (values === undefined) throw keys.missing(PATTERN);
    return fromArray(values, layers);
  }
  const isArray = keys.isArray(PATTERN);
  const period = isArray ? undefined : keys.number(PATTERN);
  if (pattern.orLayers && period === undefined) return requiredLayers(keys, layers.text, layers);
  return periodic(period ?? pattern.period, pattern.denseFirst ?? false, layers);
}

/**
 * Reads which layers have a sliding window by the architecture's rule (`set_swa_pattern` and the
 * keys that src/models/*.cpp read); no layer has where there is no rule.
 */
export function readSlidingWindow(
  rules: ArchitectureRules,
  keys: ArchitectureKeys,
  layers: Layers,
): SlidingWindowLayers {
  const none: SlidingWindowLayers = {
    kind: "none",
    window: 0,
    layers: Array.from({ length: layers.all }, () => false),
  };
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
  return {
    kind: rule.kind ?? "standard",
    window,
    layers: slidingLayers(rule.pattern, keys, layers),
  };
}
