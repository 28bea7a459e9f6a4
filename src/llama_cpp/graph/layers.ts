import type { Model } from "./model.ts";

/** Longest pattern of layers that is looked for; sliding windows have up to 6, hybrids up to 10. */
const LONGEST_PERIOD = 12;
/** How many layers stay where others are left out. */
interface Kept {
  /** Before two groups: the first layers of a run find the buffer as no others do. */
  readonly lead: number;
  /** The same after layers of another kind. */
  readonly leadAfterOthers: number;
  /** Layers in a group, at least. */
  readonly group: number;
}

/**
 * Most models place each layer where the one before was. Residual streams may also change
 * between two or three places, and some models need some layers to begin with that.
 */
const ATTEMPTS: readonly Kept[] = [
  { lead: 1, leadAfterOthers: 2, group: 1 },
  { lead: 4, leadAfterOthers: 4, group: 6 },
];

/** The attempt that leaves out nothing. */
export const EVERY_LAYER = ATTEMPTS.length;

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return a / x * b;
}

/**
 * One number for each layer, the same for layers whose graph is the same: made of its weights'
 * names and shapes and of what the hyperparameters say about it.
 */
export function layerKinds(model: Model, more: (layer: number) => number): number[] {
  const shape = model.hyperparameters;
  const weights = model.weightKinds ??= weightKinds(model);
  const kinds: number[] = [];
  for (let layer = 0; layer < shape.layerCount; layer++) {
    let kind = mix(more(layer), layer < shape.cachedLayerCount ? 1 : 2);
    kind = mix(kind, shape.headCounts[layer] ?? 0);
    kind = mix(kind, shape.keyValueHeadCounts[layer] ?? 0);
    kind = mix(kind, shape.feedForwardLengths[layer] ?? 0);
    kind = mix(kind, shape.experts.usedCounts[layer] ?? 0);
    kind = mix(kind, shape.keyLengths[layer] ?? 0);
    kind = mix(kind, shape.valueLengths[layer] ?? 0);
    kind = mix(kind, shape.compressRatios[layer] ?? 0);
    kind = mix(kind, shape.slidingWindowLayers[layer] ? 1 : 0);
    kind = mix(kind, shape.recurrentLayers[layer] ? 1 : 0);
    kind = mix(kind, layer < shape.deepstackLayerCount ? 1 : 0);
    kind = mix(kind, layer < shape.experts.leadingDenseLayerCount ? 1 : 0);
    kinds.push((kind + (weights[layer] ?? 0)) | 0);
  }
  return kinds;
}

function mix(kind: number, value: number): number {
  return (Math.imul(kind ^ value, 0x01000193) + value) | 0;
}

/** The order of a file's tensors doesn't matter, so each adds to the layer's number. */
function weightKinds(model: Model): number[] {
  const kinds: number[] = new Array(model.hyperparameters.layerCount).fill(0);
  const numbers = new Map<string, number>();
  for (const { name, dimensions, type } of model.header.tensors) {
    if (!name.startsWith("blk.")) continue;
    const end = name.indexOf(".", 4);
    const layer = Number(name.slice(4, end));
    const kind = kinds[layer];
    if (kind === undefined) continue;
    const suffix = name.slice(end);
    let number = numbers.get(suffix);
    if (number === undefined) numbers.set(suffix, number = numbers.size + 1);
    let weight = mix(Math.imul(number, 0x9e3779b1), type === 0 ? 1 : 2);
    for (const dimension of dimensions) weight = mix(weight, dimension);
    kinds[layer] = (kind + weight) | 0;
  }
  return kinds;
}

/** Layers by their number in the file, and where among them groups of layers repeat. */
interface ChosenLayers {
  readonly layers: readonly number[];
  /**
   * Indices into `layers` where two groups begin that stand for more, and where they end. Absent where
   * none were left out.
   */
  readonly groups?: readonly [first: number, second: number, end: number];
}

/**
 * The layers that have to be built to learn the buffer's size: a long run of layers that repeat
 * is shortened by whole groups, since a group places its tensors where the one before did. Whether it
 * does is seen when they are placed (allocator.ts); if not, the next attempt leaves out fewer, and
 * the last none. The last layer is like no other, and in the last period inputs are read for the
 * last time.
 */
export function layersToBuild(kinds: readonly number[], attempt: number): ChosenLayers {
  const count = kinds.length;
  const all = Array.from(kinds.keys());
  const kept = ATTEMPTS[attempt];
  if (kept === undefined) return { layers: all };
  let best = { first: 0, group: 0, removed: 0 };
  for (let period = 1; period <= LONGEST_PERIOD && period * 2 < count; period++) {
    const group = leastCommonMultiple(period, kept.group);
    let start = 0;
    for (let layer = 0; layer <= count - period; layer++) {
      if (layer + period < count - 1 && kinds[layer] === kinds[layer + period]) continue;
      // Layers start … layer + period - 1 repeat with this period.
      const first = start + (start === 0 ? kept.lead : kept.leadAfterOthers);
      const spare = layer + period - first - 2 * group - (period > 1 ? period : 0);
      const removed = Math.floor(spare / group) * group;
      if (removed > best.removed) best = { first, group, removed };
      start = layer + 1;
    }
  }
  const { first, group, removed } = best;
  if (removed === 0) return { layers: all };
  const end = first + 2 * group;
  const layers = [...all.slice(0, end), ...all.slice(end + removed)];
  return { layers, groups: [first, first + group, end] };
}
