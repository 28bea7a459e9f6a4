import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";

/**
 * How a feed-forward activates: a gate and the rows beside it (`gated`), of which some read the
 * gate twice (`situ`), one tensor alone (`plain`), or both halves of one tensor (`halves`).
 */
export type Activation = "gated" | "situ" | "plain" | "halves";

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

/** `situ`: the gate is read twice before its rows. */
export function situ({ graph }: Builder, gate: Tensor, up: Tensor): Tensor {
  return graph.multiply(graph.multiply(graph.map(gate), graph.map(gate)), up);
}

/** One dense feed-forward (llama-graph.cpp, `build_ffn`); a matrix that's missing is left out. */
export function feedForward(b: Builder, layer: number, x: Tensor, activation: Activation): Tensor {
  return feedForwardBy(b, layer, x, { activation, suffix: "" });
}

/** The same of the expert that every token passes. */
export function sharedFeedForward(
  b: Builder,
  layer: number,
  x: Tensor,
  activation: Activation = "gated",
): Tensor {
  return feedForwardBy(b, layer, x, { activation, suffix: "_shexp" });
}

function feedForwardBy(
  b: Builder,
  layer: number,
  x: Tensor,
  { activation, suffix }: { readonly activation: Activation; readonly suffix: string },
): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.ffn_`;
  const gate = `${prefix}gate${suffix}`;
  let y = b.multiplyIfThere(`${prefix}up${suffix}`, x);
  if (activation === "situ") {
    y = situ(b, b.multiply(gate, x), y);
  } else if (activation === "gated" && b.has(gate)) {
    y = activate(b, b.multiply(gate, x), y, isClamped(b, "swiglu_clamp_shexp", layer));
  } else {
    y = activation === "halves" ? graph.gatedHalves(y) : graph.map(y);
  }
  return b.multiplyIfThere(`${prefix}down${suffix}`, y);
}
