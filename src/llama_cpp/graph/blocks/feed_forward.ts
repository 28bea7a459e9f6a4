import type { Builder } from "../builder.ts";
import type { GatedFunction, UnaryFunction } from "../../ggml/operations.ts";
import type { Tensor } from "../../ggml/tensor.ts";

/**
 * What a feed-forward activates with, named as llama.cpp does (`llm_ffn_op_type`): a function of the
 * gate, whose result meets the rows beside it where the layer has a gate; or one of both halves of
 * one tensor (`swiglu`, `geglu`, `reglu`).
 */
export type Activation =
  | "silu"
  | "gelu"
  | "relu"
  | "relu-squared"
  | "swiglu"
  | "geglu"
  | "reglu"
  | "swiglu-oai"
  | "situ";

/** Activations with one operation for a gate and the rows beside it, and for one tensor alone. */
const FUNCTIONS: Partial<
  Record<Activation, { readonly gated: GatedFunction; readonly alone?: UnaryFunction }>
> = {
  silu: { gated: "SWIGLU", alone: "SILU" },
  gelu: { gated: "GEGLU", alone: "GELU" },
  relu: { gated: "REGLU", alone: "RELU" },
  "swiglu-oai": { gated: "SWIGLU_OAI" },
};

/** Activations of one tensor with both halves in it. */
const HALVES: Partial<Record<Activation, GatedFunction>> = {
  swiglu: "SWIGLU",
  geglu: "GEGLU",
  reglu: "REGLU",
};

/** `swiglu_clamp_*` above 0 clamps both halves before they meet, in one operation or in several. */
export function isClamped(b: Builder, key: string, layer: number): boolean {
  return b.keys.realAt(key, layer) > 1e-6;
}

/** What stands where a layer has no gate. */
function activateAlone({ graph }: Builder, activation: Activation, x: Tensor): Tensor {
  const halves = HALVES[activation];
  if (halves !== undefined) return graph.gatedHalves(halves, x);
  if (activation === "relu-squared") return graph.square(graph.unary("RELU", x));
  return graph.unary(FUNCTIONS[activation]?.alone ?? "SILU", x);
}

/** A gate and the rows beside it. */
function activateGated(
  b: Builder,
  activation: Activation,
  { gate, up, clampKey, layer }: {
    readonly gate: Tensor;
    readonly up: Tensor;
    readonly clampKey: string | undefined;
    readonly layer: number;
  },
): Tensor {
  const { graph } = b;
  if (activation === "situ") return situ(b, gate, up);
  if (activation === "silu" && clampKey !== undefined && isClamped(b, clampKey, layer)) {
    if (b.hyperparameters.rules.clampsInOneOperation) return graph.gated("SWIGLU_CLAMP", gate, up);
    const clamped = graph.clamp(up);
    return graph.multiply(graph.clamp(graph.unary("SILU", gate)), clamped);
  }
  const functions = FUNCTIONS[activation];
  if (functions !== undefined) return graph.gated(functions.gated, gate, up);
  return graph.multiply(activateAlone(b, activation, gate), up);
}

/**
 * What `build_ffn` and `build_moe_ffn` do between their matrices.
 *
 * @param parts the gate, where the layer has one, and its rows; `clampKey` names the layer's limit
 */
export function activate(
  b: Builder,
  activation: Activation,
  { gate, up, clampKey, layer }: {
    readonly gate: Tensor | undefined;
    readonly up: Tensor;
    readonly clampKey?: string | undefined;
    readonly layer: number;
  },
): Tensor {
  return gate === undefined
    ? activateAlone(b, activation, up)
    : activateGated(b, activation, { gate, up, clampKey, layer });
}

/** `situ`: the gate is read twice before its rows. */
export function situ(b: Builder, gate: Tensor, up: Tensor): Tensor {
  const { graph } = b;
  const act = graph.multiply(b.softCap(gate), graph.unary("SIGMOID", gate));
  return graph.multiply(act, b.keys.real("activation.situ_linear_beta") > 0 ? b.softCap(up) : up);
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
  activation: Activation = "silu",
): Tensor {
  return feedForwardBy(b, layer, x, { activation, suffix: "_shexp" });
}

/** DeepSeek-V4 may have one limit for all (src/models/deepseek4.cpp). */
function clampKey(b: Builder): string {
  const key = "swiglu_clamp_shexp";
  const hasOwn = b.model.header.metadata.has(b.keys.key(key));
  return b.hyperparameters.rules.clampsInOneOperation && !hasOwn ? "swiglu_clamp_exp" : key;
}

function feedForwardBy(
  b: Builder,
  layer: number,
  x: Tensor,
  { activation, suffix }: { readonly activation: Activation; readonly suffix: string },
): Tensor {
  const prefix = `blk.${layer}.ffn_`;
  const [upName, gateName, downName] = [
    `${prefix}up${suffix}`,
    `${prefix}gate${suffix}`,
    `${prefix}down${suffix}`,
  ];
  const { scalesFeedForward, scalesSharedExpert } = b.hyperparameters.rules;
  const isScaled = suffix === "" ? scalesFeedForward : scalesSharedExpert;
  // With its bias and then its scale.
  const project = (name: string, input: Tensor) => {
    const biased = b.addBias(name, b.multiplyMatrix(name, input));
    return isScaled ? b.applyScale(name, biased) : biased;
  };
  const up = b.has(upName) ? project(upName, x) : x;
  const gate = b.has(gateName) ? project(gateName, x) : undefined;
  let y = activate(b, activation, { gate, up, clampKey: clampKey(b), layer });
  const scales = gate === undefined ? b.model.find(`blk.${layer}.ffn.act.scales`) : undefined;
  if (scales !== undefined) y = b.graph.divide(y, scales);
  return b.has(downName) ? project(downName, y) : y;
}
