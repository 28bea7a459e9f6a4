import { attention, attentionWithoutCache, projectQueryKeyValue } from "../blocks/attention.ts";
import {
  type ExpertOptions,
  mixtureOfExperts,
  SIGMOID,
  SOFTMAX,
  SOFTMAX_WEIGHT,
} from "../blocks/experts.ts";
import { type Activation, feedForward, SHARED } from "../blocks/feed_forward.ts";
import type { Builder, NormKind } from "../builder.ts";
import type { Tensor } from "../tensor.ts";

/** Which gating function the router has: one of llama.cpp's, or the one that the header names. */
export type Gating = "softmax" | "sigmoid" | "softmax-weight" | "header";

/**
 * How one architecture's layer differs from the plain one: norm, attention, residual, norm,
 * feed-forward, residual. What only depends on which weights a file has isn't said here.
 */
export interface TransformerRow {
  readonly norm?: NormKind;
  /** What happens to the embeddings first. */
  readonly prelude?: "scale" | "positions" | "norm" | "plain-norm";
  /** No norm before attention and feed-forward; the post norms stand alone. */
  readonly onlyPostNorms?: boolean;
  /** Norms without weights (olmo, talkie). */
  readonly plainNorms?: boolean;
  readonly queryKeyNorm?: "before-rope" | "after-rope" | "whole-rows" | "plain-after-rope";
  /** Which layers turn their queries and keys. */
  readonly rope?: "none" | "sliding" | "sliding-or-all" | "step" | "step-from-0";
  /** The query is scaled by an operation of its own. */
  readonly scalesQuery?: boolean;
  /** The query is multiplied by an input that depends on the position. */
  readonly attentionTemperature?: "header" | "without-rope";
  /** A matrix of its own gates what attention gives (`attn_gate`). */
  readonly gatedAttention?: boolean;
  /** Weights named differently than in most architectures. */
  readonly feedForwardNorm?: string;
  readonly attentionPostNorm?: string;
  readonly feedForwardPostNorm?: string;
  readonly attentionSubNorm?: boolean;
  readonly feedForwardSubNorm?: boolean;
  readonly activation?: Activation;
  readonly gating?: Gating;
  /** The router's weights are divided by their sum: always unless said. */
  readonly weightsNorm?: boolean | "header";
  readonly expertActivation?: ExpertOptions["activation"];
  readonly weighsFirst?: boolean;
  readonly selectsBy?: ExpertOptions["selectsBy"];
  /** Of the sum after attention the residual is the first operand. */
  readonly residualFirst?: boolean;
  /** Of the sum after the feed-forward the residual is the first operand. */
  readonly lastResidualFirst?: boolean;
  /** Operations of one element on a layer's results before the residual. */
  readonly residualScale?: boolean;
  /** Operations of one element on the logits. */
  readonly logitScales?: number;
  /** All tokens pass the last layer; the wanted ones are taken before the norm. */
  readonly lateOutputs?: boolean;
  /** Batches stand alone: no cache. */
  readonly withoutCache?: boolean;
}

export function gatingNumber(b: Builder, gating: Gating): number {
  switch (gating) {
    case "softmax":
      return SOFTMAX;
    case "sigmoid":
      return SIGMOID;
    case "softmax-weight":
      return SOFTMAX_WEIGHT;
    case "header":
      return b.hyperparameters.experts.gatingFunction || SOFTMAX;
  }
}

/** Takes the tokens whose logits are wanted out of all of `tensors`, after the last layer only. */
export function keepOutputs<T extends readonly Tensor[]>(b: Builder, layer: number, tensors: T): T {
  if (layer !== b.hyperparameters.layerCount - 1) return tensors;
  return tensors.map((tensor) => b.onlyOutputs(tensor)) as unknown as T;
}

/** Whether this layer turns queries and keys. */
function turns(b: Builder, row: TransformerRow, layer: number): boolean {
  const { slidingWindowKind, slidingWindowLayers, layerCount } = b.hyperparameters;
  const step = b.noRopeStep;
  switch (row.rope) {
    case "none":
      return false;
    case "sliding":
      return slidingWindowLayers[layer] ?? false;
    case "sliding-or-all":
      return slidingWindowKind === "none" || (slidingWindowLayers[layer] ?? false);
    case "step":
      return step > 0 && (layer + 1) % step !== 0;
    case "step-from-0":
      return step === layerCount || layer % step !== 0;
    default:
      return true;
  }
}

/** Queries, keys and values, normed and turned. */
export function prepare(b: Builder, row: TransformerRow, layer: number, x: Tensor) {
  const { graph } = b;
  const { keyLengths, headCounts, keyValueHeadCounts } = b.hyperparameters;
  const length = keyLengths[layer] ?? 0;
  const heads = headCounts[layer] ?? 0;
  const keyValueHeads = keyValueHeadCounts[layer] ?? 0;
  const prefix = `blk.${layer}.attn_`;
  const kind = row.norm ?? "rms";
  const hasQueryNorm = b.weight(`${prefix}q_norm`) !== undefined;
  const hasKeyNorm = b.weight(`${prefix}k_norm`) !== undefined;
  let { q, k, v } = projectQueryKeyValue(b, layer, x, length, heads, keyValueHeads);
  if (row.queryKeyNorm === "whole-rows" && hasQueryNorm) {
    q = b.norm(flat(b, q), `${prefix}q_norm`, kind);
    k = b.norm(flat(b, k), `${prefix}k_norm`, kind);
    q = graph.reshape(q, length, heads, b.tokens);
    k = graph.reshape(k, length, keyValueHeads, b.tokens);
  }
  if (row.queryKeyNorm === "before-rope") {
    if (hasQueryNorm) q = b.norm(q, `${prefix}q_norm`, kind);
    if (hasKeyNorm) k = b.norm(k, `${prefix}k_norm`, kind);
  }
  const turned = turns(b, row, layer);
  if (turned) {
    q = b.rope(q);
    k = b.rope(k);
  }
  if (row.queryKeyNorm === "after-rope") {
    k = b.norm(k, `${prefix}k_norm`, kind);
    q = b.norm(q, `${prefix}q_norm`, kind);
  }
  if (row.queryKeyNorm === "plain-after-rope" && turned) {
    q = graph.rmsNorm(q);
    k = graph.rmsNorm(k);
  }
  const isTempered = row.attentionTemperature === "without-rope"
    ? !turned
    : row.attentionTemperature === "header" && b.model.real("attention.temperature_scale") !== 0;
  if (isTempered) q = graph.multiply(q, b.attentionScale);
  if (row.scalesQuery === true) q = graph.map(q);
  return { q, k, v };
}

/** Whole rows of a projection, past the reshape that splits heads: both are views of it. */
function flat(b: Builder, x: Tensor): Tensor {
  // Files have these norms only beside separate projections, whose rows are contiguous.
  const source = x.sources[0];
  return source !== undefined && source.n0 === x.n0 * x.n1
    ? source
    : b.graph.reshape(x, x.n0 * x.n1, x.n2);
}

/** Dense, or a mixture where the layer has a router, with the shared expert the file has. */
export function feed(b: Builder, row: TransformerRow, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const activation = row.activation ?? "gated";
  if (b.weight(`${prefix}ffn_gate_inp`) === undefined) return feedForward(b, layer, x, activation);
  const { weightsNorm, weightsScale } = b.hyperparameters.experts;
  const routed = mixtureOfExperts(b, layer, x, {
    gating: gatingNumber(b, row.gating ?? "softmax"),
    normalizes: row.weightsNorm === "header" ? weightsNorm : row.weightsNorm ?? true,
    scale: weightsScale,
    ...(row.expertActivation === undefined ? {} : { activation: row.expertActivation }),
    ...(row.weighsFirst === undefined ? {} : { weighsFirst: row.weighsFirst }),
    ...(row.selectsBy === undefined ? {} : { selectsBy: row.selectsBy }),
  });
  if (b.weight(`${prefix}ffn_up_shexp`) === undefined) return routed;
  let shared = feedForward(b, layer, x, "gated", SHARED);
  if (b.weight(`${prefix}ffn_gate_inp_shexp`) !== undefined) {
    const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
    shared = graph.multiply(shared, graph.inPlace(graph.map(gate), gate));
  }
  return graph.add(routed, shared);
}

/** Attention of one layer on its normed input. */
export function attend(b: Builder, row: TransformerRow, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.attn_`;
  if (row.withoutCache === true) {
    return attentionWithoutCache(b, layer, prepare(b, row, layer, x), b.batchMask);
  }
  const sinks = b.weight(`${prefix}sinks`);
  const options = sinks === undefined ? {} : { sinks };
  if (row.gatedAttention === true) {
    const gate = b.multiply(`${prefix}gate`, x);
    const parts = prepare(b, row, layer, x);
    const y = attention(b, layer, parts, { ...options, output: false });
    return b.multiply(`${prefix}output`, graph.multiply(y, graph.map(gate)));
  }
  const parts = prepare(b, row, layer, x);
  if (row.attentionSubNorm === true) {
    const y = attention(b, layer, parts, { ...options, output: false });
    return b.linear(`${prefix}output`, b.norm(y, `${prefix}sub_norm`, row.norm ?? "rms"));
  }
  return attention(b, layer, parts, options);
}

/** The embeddings as the first layer sees them. */
export function begin(b: Builder, row: TransformerRow): Tensor {
  const { graph } = b;
  const x = b.embed();
  switch (row.prelude) {
    case "scale":
      return graph.map(x);
    case "positions": {
      const table = b.weight("position_embd");
      return table === undefined ? x : graph.add(x, graph.getRows(table, b.positions));
    }
    case "norm":
      return b.norm(x, "token_embd_norm", row.norm ?? "rms");
    case "plain-norm":
      return graph.rmsNorm(x);
    default:
      return x;
  }
}

/** One layer of the plain kind. */
export function transformerLayer(b: Builder, row: TransformerRow, layer: number, x: Tensor) {
  const { graph } = b;
  const kind = row.norm ?? "rms";
  const prefix = `blk.${layer}.`;
  const named = (name: string) => row.plainNorms === true ? undefined : prefix + name;
  let y = row.onlyPostNorms === true ? x : b.norm(x, named("attn_norm"), kind);
  y = attend(b, row, layer, y);
  let residual = x;
  if (row.lateOutputs !== true) [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  if (row.attentionPostNorm !== undefined) y = b.norm(y, prefix + row.attentionPostNorm, kind);
  if (row.residualScale === true) y = graph.map(y);
  const middle = row.residualFirst === true ? graph.add(residual, y) : graph.add(y, residual);
  y = row.onlyPostNorms === true
    ? middle
    : b.norm(middle, named(row.feedForwardNorm ?? "ffn_norm"), kind);
  y = feed(b, row, layer, y);
  if (row.feedForwardPostNorm !== undefined) y = b.norm(y, prefix + row.feedForwardPostNorm, kind);
  if (row.residualScale === true) y = graph.map(y);
  return row.lastResidualFirst === true ? graph.add(middle, y) : graph.add(y, middle);
}

/** The last norm and the logits. */
export function end(b: Builder, row: TransformerRow, x: Tensor): void {
  const { graph } = b;
  let y = row.lateOutputs === true ? b.onlyOutputs(x) : x;
  y = row.plainNorms === true ? graph.norm(y) : b.finish(y, row.norm ?? "rms");
  if (row.plainNorms === true) y.isOutput = true;
  b.logits(y, (logits) => {
    let z = logits;
    for (let index = 0; index < (row.logitScales ?? 0); index++) z = graph.map(z);
    return z;
  });
}

/** All layers, each built by `layer`. */
export function buildTransformer(
  b: Builder,
  row: TransformerRow,
  layer: (b: Builder, row: TransformerRow, index: number, x: Tensor) => Tensor = transformerLayer,
): void {
  let x = begin(b, row);
  for (let index = 0; index < b.hyperparameters.layerCount; index++) x = layer(b, row, index, x);
  end(b, row, x);
}
