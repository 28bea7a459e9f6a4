import {
  attention,
  attentionWithoutCache,
  gate,
  headsOf,
  projectQueryKeyValue,
} from "./blocks/attention.ts";
import { mixtureOfExperts } from "./blocks/experts.ts";
import { feedForward, sharedFeedForward } from "./blocks/feed_forward.ts";
import type { Builder, GraphBuilder } from "./builder.ts";
import type { Tensor } from "../ggml/tensor.ts";
import type { LayerBuilder, NormNames, TransformerRow } from "./transformer_row.ts";

export type { LayerBuilder, TransformerRow };

// Rows, or parts of one, that many architectures share.
export const GPT: TransformerRow = { norm: "layer", activation: "gelu" };
export const QUERY_KEY_NORM: TransformerRow = { queryKeyNorm: "before-rope" };
export const HEADER_EXPERTS: TransformerRow = {
  gating: "header",
  defaultGating: "sigmoid",
  weightsNorm: "header",
};

/** Takes the tokens whose logits are wanted out of all of `tensors`, after the last layer only. */
export function keepOutputs<const T extends readonly Tensor[]>(
  b: Builder,
  layer: number,
  tensors: T,
): T {
  if (layer !== b.hyperparameters.layerCount - 1) return tensors;
  return tensors.map((tensor) => b.onlyOutputs(tensor)) as unknown as T;
}

/** Every so manyth layer doesn't rotate (`n_no_rope_layer_step`). */
const ROPE_STEP = 4;

/** Whether the header says that a model's layers rotate at all (`rope_finetuned`). */
export function isRopeFinetuned(b: Builder): boolean {
  return b.keys.flag("rope.scaling.finetuned") ?? true;
}

/** Whether this layer rotates queries and keys. */
function rotates(b: Builder, row: TransformerRow, layer: number): boolean {
  const { slidingWindowKind, slidingWindowLayers, layerCount, experts } = b.hyperparameters;
  const slides = slidingWindowLayers[layer] ?? false;
  // Models that have windows elsewhere leave out the last layer alone.
  const step = slidingWindowKind === "none" ? layerCount : ROPE_STEP;
  switch (row.rope) {
    case "none":
      return false;
    case "sliding":
      return slides;
    case "sliding-or-all":
      return slidingWindowKind === "none" || slides;
    case "sliding-or-dense":
      return slides || layer < experts.leadingDenseLayerCount;
    case "step":
      return (layer + 1) % ROPE_STEP !== 0;
    case "step-with-windows":
      return (layer + 1) % step !== 0;
    case "step-from-0":
      return step === layerCount || layer % step !== 0;
    case "finetuned":
      return isRopeFinetuned(b);
    case "pattern":
      return b.keys.realAt("attention.rope_pattern", layer, 1) !== 0;
    default:
      return true;
  }
}

/** Queries, keys and values, normed and rotated. */
export function prepare(b: Builder, row: TransformerRow, layer: number, x: Tensor) {
  const { graph } = b;
  const prefix = `blk.${layer}.attn_`;
  const kind = row.norm ?? "rms";
  const hasQueryNorm = b.has(`${prefix}q_norm`);
  const hasKeyNorm = b.has(`${prefix}k_norm`);
  let { q, k, v } = projectQueryKeyValue(b, layer, x);
  if (row.queryKeyNorm === "whole-rows" && hasQueryNorm) {
    const { keyLength, queries, keyValues } = headsOf(b, layer);
    q = b.norm(wholeRows(b, q), kind, `${prefix}q_norm`);
    k = b.norm(wholeRows(b, k), kind, `${prefix}k_norm`);
    q = graph.reshape(q, keyLength, queries, b.tokens);
    k = graph.reshape(k, keyLength, keyValues, b.tokens);
  }
  if (row.queryKeyNorm === "before-rope") {
    if (hasQueryNorm) q = b.norm(q, kind, `${prefix}q_norm`);
    if (hasKeyNorm) k = b.norm(k, kind, `${prefix}k_norm`);
  }
  const rotated = rotates(b, row, layer);
  if (rotated) {
    const slides = b.hyperparameters.slidingWindowLayers[layer] ?? false;
    const factorsOf = row.slidesWithoutFactors === true && slides ? undefined : layer;
    q = b.rope(q, factorsOf);
    k = b.rope(k, factorsOf);
  }
  if (row.queryKeyNorm === "after-rope" || (row.queryKeyNorm === "plain-after-rope" && rotated)) {
    k = b.norm(k, kind, `${prefix}k_norm`);
    q = b.norm(q, kind, `${prefix}q_norm`);
  }
  if (row.scalesQueries === true) q = graph.scale(q);
  const isTempered = row.attentionTemperature === "without-rope"
    ? !rotated
    : row.attentionTemperature === "header" && b.keys.real("attention.temperature_scale") !== 0;
  if (isTempered) q = graph.multiply(q, b.attentionScale);
  return { q, k, v };
}

/** Whole rows of a projection, past the reshape that splits heads where there is one. */
function wholeRows(b: Builder, x: Tensor): Tensor {
  const source = x.sources[0];
  return source !== undefined && source.n0 === x.n0 * x.n1
    ? source
    : b.graph.reshape(x, x.n0 * x.n1, x.n2);
}

function routes(b: Builder, row: TransformerRow, layer: number): boolean {
  if (row.routes === "never") return false;
  const { leadingDenseLayerCount, layerStep } = b.hyperparameters.experts;
  return row.routes !== "step" ||
    (layer >= leadingDenseLayerCount && (layer + 1) % layerStep === 0);
}

/** Dense, or a mixture where the layer has a router, with the shared expert the file has. */
export function feed(b: Builder, row: TransformerRow, layer: number, x: Tensor): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  if (!b.has(`${prefix}ffn_gate_inp`) || !routes(b, row, layer)) {
    return feedForward(b, layer, x, row.activation ?? "silu");
  }
  const { gating, defaultGating, weightsNorm, weightsScale, weighsFirst, selectsBy } = row;
  const activation = row.expertActivation ?? "silu";
  const routing = {
    gating,
    defaultGating,
    weightsNorm,
    weightsScale,
    weighsFirst,
    selectsBy,
    activation,
  };
  const routed = mixtureOfExperts(b, layer, x, routing);
  if (!b.has(`${prefix}ffn_up_shexp`)) return routed;
  let shared = sharedFeedForward(b, layer, x, row.sharedActivation ?? "silu");
  if (b.has(`${prefix}ffn_gate_inp_shexp`)) {
    const gate = b.multiply(`${prefix}ffn_gate_inp_shexp`, x);
    shared = graph.multiply(shared, graph.divide(graph.unary("SILU", gate), gate));
  }
  const sum = graph.add(routed, shared);
  return row.averagesShared === true ? graph.scale(sum) : sum;
}

/** A state on the layers that have one, attention or `other` on the others. */
export function onStateLayers(
  stateful: (b: Builder, layer: number, x: Tensor) => Tensor,
  other: LayerBuilder = attend,
): LayerBuilder {
  return (b, row, layer, x) =>
    b.hyperparameters.recurrentLayers[layer] ? stateful(b, layer, x) : other(b, row, layer, x);
}

/** Attention of one layer on its normed input. */
export function attend(b: Builder, row: TransformerRow, layer: number, x: Tensor): Tensor {
  const prefix = `blk.${layer}.attn_`;
  const parts = prepare(b, row, layer, x);
  if (row.withoutCache === true) return attentionWithoutCache(b, layer, parts, b.batchMask);
  const sinks = b.weight(`${prefix}sinks`);
  const isGated = row.gatedAttention === true && b.has(`${prefix}gate`);
  if (!isGated && row.attentionSubNorm !== true) return attention(b, layer, parts, { sinks });
  const y = attention(b, layer, parts, { sinks, output: false });
  const changed = isGated
    ? gate(
      b,
      y,
      b.graph.unary(row.gateFunction ?? "SIGMOID", b.multiplyMatrix(`${prefix}gate`, x)),
      headsOf(b, layer).queries,
    )
    : b.norm(y, row.norm ?? "rms", `${prefix}sub_norm`);
  return b.multiply(`${prefix}output`, changed);
}

/** The embeddings as the first layer sees them. */
export function begin(b: Builder, row: TransformerRow): Tensor {
  const x = b.embed();
  switch (row.prelude) {
    case "norm":
      return b.norm(x, row.norm ?? "rms", "token_embd_norm", 0);
    case "scale":
      return b.graph.scale(x);
    case "positions": {
      const table = b.weight("position_embd");
      return table === undefined ? x : b.graph.add(x, b.graph.getRows(table, b.positions));
    }
    default:
      return x;
  }
}

/** The norms of a plain layer, by their usual names in a file. */
const NORM_NAMES: NormNames = {
  attention: "attn_norm",
  afterAttention: "post_attention_norm",
  feed: "ffn_norm",
  afterFeed: "post_ffw_norm",
  last: "output_norm",
};

/** One layer of the plain kind. */
export function transformerLayer(b: Builder, row: TransformerRow, layer: number, x: Tensor) {
  const { graph } = b;
  const { mix = attend, feed: feedBy = feed, norm: kind = "rms", norms } = row;
  const norm = (which: keyof NormNames, y: Tensor) => {
    const pinnedTo = row.unpinnedNorms?.includes(which) ? -1 : layer;
    return b.norm(y, kind, `blk.${layer}.${norms?.[which] ?? NORM_NAMES[which]}`, pinnedTo);
  };
  const scales = row.scalesResiduals === true || b.hasScale("residual_scale");
  let y = mix(b, row, layer, row.onlyPostNorms === true ? x : norm("attention", x));
  let residual = x;
  const normsFirst = row.postNorms === true && row.normsBeforeOutputs === true;
  if (normsFirst) y = norm("afterAttention", y);
  if (row.lateOutputs === undefined) [y, residual] = keepOutputs(b, layer, [y, residual]);
  if (row.postNorms === true && !normsFirst) y = norm("afterAttention", y);
  if (scales) y = graph.scale(y);
  const middle = row.residualFirst === true ? graph.add(residual, y) : graph.add(y, residual);
  y = feedBy(b, row, layer, row.onlyPostNorms === true ? middle : norm("feed", middle));
  if (row.postNorms === true) y = norm("afterFeed", y);
  if (scales) y = graph.scale(y);
  return row.lastResidualFirst === true ? graph.add(middle, y) : graph.add(y, middle);
}

/** The last norm and the logits. */
export function end(b: Builder, row: TransformerRow, x: Tensor): void {
  const finish = (y: Tensor) => b.finish(y, row.norm ?? "rms", row.norms?.last ?? NORM_NAMES.last);
  switch (row.lateOutputs) {
    case "before-norm":
      x.isOutput = true;
      return b.logits(finish(b.onlyOutputs(x)));
    case "after-norm": {
      const y = b.onlyOutputs(finish(x));
      y.isOutput = true;
      return b.logits(y);
    }
    default:
      return b.logits(finish(x));
  }
}

function seesImage(b: Builder, layer: number): boolean {
  return layer > 0 && b.keys.realAt("deepstack_mapping", layer, -1) >= 0;
}

/** All layers, each built by `layer`. */
export function buildTransformer(
  b: Builder,
  row: TransformerRow,
  layer: LayerBuilder = transformerLayer,
): void {
  let x = begin(b, row);
  const more = (index: number) =>
    (rotates(b, row, index) ? 1 : 2) + (routes(b, row, index) ? 4 : 0) +
    (row.deepstack === true && seesImage(b, index) ? 8 : 0);
  const distinct = (index: number) => row.everyLayer === true ? index : more(index);
  for (const index of b.layers(distinct)) {
    x = layer(b, row, index, row.deepstack === true && seesImage(b, index) ? b.addImage(x) : x);
  }
  end(b, row, x);
}

/** A graph of such layers. */
export function transformer(row: TransformerRow = {}, layer?: LayerBuilder): GraphBuilder {
  return (b) => buildTransformer(b, row, layer);
}
