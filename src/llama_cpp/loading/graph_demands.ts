import type { LayerLoader, Loader } from "./loader.ts";

// What llama.cpp doesn't ask a header for when it loads the model, and ends the process over when it
// builds the graph of a context (src/models/*.cpp, llama-graph.cpp) or computes it (ops.cpp).

/** What the graph of an architecture takes for granted about heads. */
interface HeadDemands {
  /** Rope rotates all of a head. */
  readonly rope?: boolean;
  /** The heads together are as wide as the stream. */
  readonly square?: boolean;
  /** Each layer may have another number of heads. */
  readonly perLayer?: boolean;
}

/**
 * Heads have as many elements of keys as of values, and what else their graph takes for granted:
 * llama.cpp ends the process where it doesn't hold. Lengths are the first layer's.
 */
export function demandHeads(l: Loader, demands: HeadDemands = {}): void {
  const [key, value, heads] = [l.keyLength(), l.valueLength(), l.heads()];
  l.demand(key === value, `its heads have ${key} elements of keys and ${value} of values`);
  if (demands.rope) {
    l.demand(l.rope() === value, `rope rotates ${l.rope()} elements of heads that have ${value}`);
  }
  if (demands.square) {
    const whole = heads * value;
    l.demand(
      whole === l.embedding,
      `its heads have ${whole} elements, its embedding ${l.embedding}`,
    );
  }
  for (let layer = 0; layer < l.layerCount; layer++) {
    const keyValues = l.keyValueHeads(layer);
    const queries = demands.perLayer ? l.heads(layer) : heads;
    l.demand(
      keyValues > 0 && queries % keyValues === 0,
      `layer ${layer} shares ${keyValues} heads of keys and values between ${queries} of queries`,
    );
    l.demand(
      demands.perLayer === true || keyValues === l.keyValueHeads(),
      "its layers differ in the number of their heads, and its architecture's don't",
    );
  }
}

/** Elements of a head that are rotated, the first layer's unless said: pairs, and no more than it has. */
export function demandRotation(l: Loader, layer = 0): void {
  const [length, rotated] = [l.keyLength(layer), l.rope(layer)];
  l.demand(
    rotated % 2 === 0 && rotated <= length,
    `rope rotates ${rotated} of the ${length} elements of a head, which aren't pairs of them`,
  );
}

/** What rope rotates by itself, pairs of elements, however long the rest of a head is. */
export function demandPairs(l: Loader): void {
  const rotated = l.rope();
  l.demand(rotated % 2 === 0, `rope rotates ${rotated} elements, which aren't pairs of them`);
}

/** Sections of a head for text, rows and columns of images, where rope always goes by them. */
export function demandSections(l: Loader): void {
  const [time = 0, height = 0, width = 0] = l.hyperparameters.ropeSections;
  l.demand(
    time > 0 || height > 0 || width > 0,
    "it rotates by sections, and its header has none",
  );
}

/** Functions that a router may have (`llama_expert_gating_func_type`): numbers up to this one. */
const LAST_GATING_FUNCTION = 4;

/** A router's function that llama.cpp has; 0 stands for a function of the architecture's own. */
export function demandGating(l: Loader, hasDefault = false): void {
  const { gatingFunction } = l.hyperparameters.experts;
  l.demand(
    gatingFunction <= LAST_GATING_FUNCTION && (hasDefault || gatingFunction > 0),
    `its router's function is number ${gatingFunction}, which llama.cpp doesn't know`,
  );
}

/** A part of a feed-forward goes with the others, but for the gate: llama.cpp ends the process. */
export function demandWholeFeedForward(layer: LayerLoader, suffix = ""): void {
  const [gate, up, down] = ["gate", "up", "down"].map((name) =>
    layer.has(`ffn_${name}${suffix}.weight`)
  );
  layer.model.demand(
    up === down && (up === true || gate === false),
    `the feed-forward of layer ${layer.index} isn't whole`,
  );
}
