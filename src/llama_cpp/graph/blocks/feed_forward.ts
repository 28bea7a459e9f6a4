import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";

/**
 * How a feed-forward activates: a gate and the rows beside it (`gated`), one tensor alone
 * (`plain`), or both halves of one tensor (`halves`).
 */
export type Activation = "gated" | "plain" | "halves";

interface FeedForwardNames {
  readonly up: string;
  readonly gate: string;
  readonly down: string;
}

const DENSE: FeedForwardNames = { up: "ffn_up", gate: "ffn_gate", down: "ffn_down" };
const SHARED: FeedForwardNames = {
  up: "ffn_up_shexp",
  gate: "ffn_gate_shexp",
  down: "ffn_down_shexp",
};

/**
 * `swiglu_clamp_*` above 0 clamps both halves before they meet, unless one operation does all of it.
 */
export function isClamped(b: Builder, key: string, layer: number): boolean {
  return !b.hyperparameters.rules.clampsInOneOperation && b.keys.realAt(key, layer) > 1e-6;
}

/** A gate and its rows (`build_ffn`, `build_moe_ffn`); clamped halves are multiplied in place. */
export function activate(b: Builder, gate: Tensor, up: Tensor, clamped: boolean): Tensor {
  return clamped ? b.graph.multiply(gate, up) : b.graph.gated(gate, up);
}

/** One dense feed-forward (llama-graph.cpp, `build_ffn`); a matrix that's missing is left out. */
export function feedForward(
  b: Builder,
  layer: number,
  x: Tensor,
  activation: Activation,
): Tensor {
  return feedForwardBy(b, DENSE, layer, { x, activation });
}

/** The same of the expert that every token passes. */
export function sharedFeedForward(
  b: Builder,
  layer: number,
  x: Tensor,
  activation: Activation = "gated",
): Tensor {
  return feedForwardBy(b, SHARED, layer, { x, activation });
}

function feedForwardBy(
  b: Builder,
  names: FeedForwardNames,
  layer: number,
  { x, activation }: { readonly x: Tensor; readonly activation: Activation },
): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const up = b.has(prefix + names.up) ? b.multiply(prefix + names.up, x) : x;
  let y: Tensor;
  if (activation === "gated" && b.has(prefix + names.gate)) {
    const gate = b.multiply(prefix + names.gate, x);
    y = activate(b, gate, up, isClamped(b, "swiglu_clamp_shexp", layer));
  } else {
    y = activation === "halves" ? graph.gatedHalves(up) : graph.map(up);
  }
  const down = prefix + names.down;
  return b.has(down) ? b.multiply(down, y) : y;
}
