import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  OPTIONAL,
  OPTIONAL_UNLOADED,
  type Presence,
} from "./loader.ts";

/** What one architecture asks a header for: its keys, then its tensors. */
export type Loads = (l: Loader) => void;

/** The embedding of tokens. */
export function embedding(l: Loader): void {
  l.need("token_embd.weight", l.embedding, l.vocabulary);
}

/** The last norm, an output of its own. */
export function output(l: Loader): void {
  l.need("output_norm.weight", l.embedding);
  l.need("output.weight", l.embedding, l.vocabulary);
}

/** The last norm, an output of its own or the embedding in its place. */
export function outputOrTied(l: Loader): void {
  l.need("output_norm.weight", l.embedding);
  l.may("output.weight", l.embedding, l.vocabulary);
}

/** The last norm, where the embedding is always the output. */
export function tiedOutput(l: Loader): void {
  l.need("output_norm.weight", l.embedding);
}

/** Rows of queries, keys and values. */
interface Rows {
  /** `n_embd_head_k * n_head` unless told otherwise. */
  readonly queries?: number;
  /** `n_embd_k_gqa` unless told otherwise. */
  readonly keys?: number;
  /** `n_embd_v_gqa` unless told otherwise. */
  readonly values?: number;
  readonly presence?: Presence;
  /** Its graph multiplies with three matrices: llama.cpp ends the process where they are one. */
  readonly apart?: boolean;
}

/**
 * Queries, keys and values in one matrix or in three, with biases where the file has them
 * (`create_tensor_qkv`). Sizes are the first layer's unless they are given.
 */
export function queryKeyValue(layer: LayerLoader, rows: Rows = {}): void {
  const { model } = layer;
  const { queries = model.queries(), keys = model.keys(), values = model.values() } = rows;
  const { presence = NEEDED } = rows;
  const all = queries + keys + values;
  const width = model.embedding;
  if (presence.isSkipped) {
    for (
      const [name, size] of [["qkv", all], ["q", queries], ["k", keys], ["v", values]] as const
    ) {
      layer.take({ ...presence, isNeeded: false }, `attn_${name}.weight`, width, size);
      layer.take({ ...presence, isNeeded: false }, `attn_${name}.bias`, size);
    }
    return;
  }
  if (layer.may("attn_qkv.weight", width, all)) {
    model.demand(rows.apart !== true, `queries, keys and values of layer ${layer.index} are one`);
    layer.may("attn_qkv.bias", all);
    return;
  }
  for (const [name, size] of [["q", queries], ["k", keys], ["v", values]] as const) {
    layer.take(presence, `attn_${name}.weight`, width, size);
    layer.may(`attn_${name}.bias`, size);
  }
}

/** What attention gives back to the stream, with a bias where the file has one. */
export function attentionOutput(layer: LayerLoader, rows = layer.model.queries()): void {
  layer.need("attn_output.weight", rows, layer.model.embedding);
  layer.may("attn_output.bias", layer.model.embedding);
}

/** A norm's weight. */
export function norm(layer: LayerLoader, name: string, size = layer.model.embedding): void {
  layer.need(`${name}.weight`, size);
}

/** A norm's weight and its bias. */
export function normWithBias(
  layer: LayerLoader,
  name: string,
  size = layer.model.embedding,
): void {
  layer.need(`${name}.weight`, size);
  layer.need(`${name}.bias`, size);
}

/** A gated feed-forward. */
export function gatedFeedForward(
  layer: LayerLoader,
  size = layer.model.feedForward(),
  presence: Presence = NEEDED,
): void {
  const width = layer.model.embedding;
  layer.take(presence, "ffn_gate.weight", width, size);
  layer.take(presence, "ffn_down.weight", size, width);
  layer.take(presence, "ffn_up.weight", width, size);
}

/** Biases that a gated feed-forward may have. */
export function feedForwardBiases(layer: LayerLoader, size = layer.model.feedForward()): void {
  layer.may("ffn_gate.bias", size);
  layer.may("ffn_down.bias", layer.model.embedding);
  layer.may("ffn_up.bias", size);
}

/** What a mixture's matrices are like. */
interface Experts {
  /** Rows of one expert, `n_ff_exp` unless told otherwise. */
  readonly size?: number;
  readonly presence?: Presence;
  /** Of the gates alone. */
  readonly gate?: Presence;
}

/** The experts of a mixture, without their router. */
export function experts(layer: LayerLoader, of: Experts = {}): void {
  const { embedding: width, experts: count } = layer.model;
  const { size = layer.model.expertFeedForward(), presence = NEEDED, gate = presence } = of;
  layer.take(gate, "ffn_gate_exps.weight", width, size, count);
  layer.take(presence, "ffn_down_exps.weight", size, width, count);
  layer.take(presence, "ffn_up_exps.weight", width, size, count);
}

/** Gates and what goes up in one matrix or in two (`create_tensor_gate_up_exps`). */
export function gateUpExperts(
  layer: LayerLoader,
  size = layer.model.expertFeedForward(),
  presence: Presence = NEEDED,
): void {
  const { embedding: width, experts: count } = layer.model;
  if (layer.may("ffn_gate_up_exps.weight", width, 2 * size, count)) return;
  layer.take(presence, "ffn_gate_exps.weight", width, size, count);
  layer.take(presence, "ffn_up_exps.weight", width, size, count);
}

/** The router of a mixture, which must choose some expert where it is loaded. */
export function router(layer: LayerLoader, presence: Presence = NEEDED): void {
  const { model: l, index } = layer;
  if (!layer.take(presence, "ffn_gate_inp.weight", l.embedding, l.experts)) return;
  l.demand(l.expertsUsed(index) > 0, `layer ${index} has experts, and uses none of them`);
}

/** A mixture must have experts and use some. */
export function demandExperts(l: Loader): void {
  l.demand(l.experts > 0, "it has no experts, and its architecture is a mixture of them");
  l.demand(l.expertsUsed() > 0, "it uses none of its experts");
}

/** Experts that every token passes. */
export function sharedExperts(
  layer: LayerLoader,
  size: number,
  presence: Presence = NEEDED,
): void {
  const width = layer.model.embedding;
  layer.take(presence, "ffn_gate_shexp.weight", width, size);
  layer.take(presence, "ffn_down_shexp.weight", size, width);
  layer.take(presence, "ffn_up_shexp.weight", width, size);
}

/** Frequencies that rotations may be changed by, once for all layers. */
export function ropeFactors(l: Loader, rotated = l.rope()): void {
  if (l.value("rope.scaling.type") === "longrope") longRopeFactors(l, rotated);
  else mayFrequencies(l, rotated);
}

/** Those that hold for texts of any length; whether the file has them. */
export function mayFrequencies(l: Loader, rotated = l.rope()): boolean {
  return l.may("rope_freqs.weight", Math.floor(rotated / 2));
}

/** Those for long and for short texts. */
export function longRopeFactors(l: Loader, rotated = l.rope()): void {
  const half = Math.floor(rotated / 2);
  l.may("rope_factors_long.weight", half);
  l.may("rope_factors_short.weight", half);
}

/** Norms of each head's queries and keys, of one head's length. */
export function headNorms(layer: LayerLoader, presence: Presence = NEEDED): void {
  layer.take(presence, "attn_q_norm.weight", layer.model.keyLength());
  layer.take(presence, "attn_k_norm.weight", layer.model.keyLength());
}

/** What a layer that predicts further tokens has besides; in this context nothing of it is used. */
export function predictionHead(
  layer: LayerLoader,
  needed: Presence = NEEDED_UNLOADED,
  optional: Presence = OPTIONAL_UNLOADED,
): void {
  const { embedding: width, vocabulary } = layer.model;
  predictionProjection(layer, needed);
  layer.take(optional, "nextn.embed_tokens.weight", width, vocabulary);
  layer.take(optional, "nextn.shared_head_head.weight", width, vocabulary);
  layer.take(optional, "nextn.shared_head_norm.weight", width);
}

/** What brings the stream and a token's embedding together before a layer that predicts. */
export function predictionProjection(layer: LayerLoader, presence: Presence): void {
  const { embedding: width } = layer.model;
  layer.take(presence, "nextn.eh_proj.weight", 2 * width, width);
  layer.take(presence, "nextn.enorm.weight", width);
  layer.take(presence, "nextn.hnorm.weight", width);
}

/** Keys of how experts are chosen and weighed, where the header has them. */
export function mayRoute(l: Loader): void {
  l.mayKey("expert_gating_func");
  l.mayKey("expert_weights_scale");
  l.mayKey("expert_weights_norm");
}

/** `n_ff_exp`, or each used expert's share of `n_ff` where the header has none. */
export function expertSize(l: Loader): number {
  return l.expertFeedForward() || Math.floor(l.feedForward() / Math.max(1, l.expertsUsed()));
}

/** What RMS norms need in the header. */
export function rmsNorms(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
}

/** What layer norms need in the header. */
export function layerNorms(l: Loader): void {
  l.key("attention.layer_norm_epsilon");
}

/** Attention behind its norm, without a bias on what it gives back. */
export function attention(layer: LayerLoader, rows: Rows = {}): void {
  const { model } = layer;
  const { presence = NEEDED, queries = model.queries() } = rows;
  layer.take(presence, "attn_norm.weight", model.embedding);
  queryKeyValue(layer, rows);
  layer.take(presence, "attn_output.weight", queries, model.embedding);
}

/** Rows of queries as wide as the stream, with keys and values of one width. */
export function squareRows(l: Loader): Rows {
  return { queries: l.embedding, keys: l.values() };
}

/** The last norm with its bias. */
export function outputNormWithBias(l: Loader): void {
  l.need("output_norm.weight", l.embedding);
  l.need("output_norm.bias", l.embedding);
}

/** Rows of a layer that has as many heads as the header says of it. */
export function ownRows({ model, index }: LayerLoader) {
  const queries = model.keyLength() * model.heads(index);
  return { queries, keys: model.keys(index), values: model.values(index) };
}

/** Attention of a layer that has as many heads as the header says of it. */
export function ownAttention(layer: LayerLoader, presence: Presence = NEEDED): void {
  const { model } = layer;
  const rows = ownRows(layer);
  queryKeyValue(layer, { ...rows, presence });
  layer.take(presence, "attn_output.weight", rows.queries, model.embedding);
  const bias = presence.isSkipped ? OPTIONAL_UNLOADED : OPTIONAL;
  layer.take(bias, "attn_output.bias", model.embedding);
}

/** A feed-forward without gate; without biases unless their presence is given. */
export function ungatedFeedForward(layer: LayerLoader, biases?: Presence): void {
  const { embedding: width } = layer.model;
  const size = layer.model.feedForward();
  layer.need("ffn_down.weight", size, width);
  layer.need("ffn_up.weight", width, size);
  if (biases === undefined) return;
  layer.take(biases, "ffn_down.bias", width);
  layer.take(biases, "ffn_up.bias", size);
}

/** A mixture that must have experts, each of `size` rows, with its router. */
export function demandedExperts(layer: LayerLoader, size: number): void {
  demandExperts(layer.model);
  router(layer);
  experts(layer, { size });
}

/** One feed-forward with the biases that the file has, or a mixture whose experts may lack gates. */
export function feedForwardOrExperts(layer: LayerLoader, sharedLength = 0): void {
  const { model: l } = layer;
  if (l.experts === 0) {
    gatedFeedForward(layer);
    feedForwardBiases(layer);
    return;
  }
  router(layer);
  experts(layer, { size: l.feedForward(), gate: OPTIONAL });
  if (sharedLength > 0) sharedExperts(layer, sharedLength);
}

/** What is added to a router's result before experts are chosen by it. */
export function selectionBias(layer: LayerLoader, presence: Presence = OPTIONAL): void {
  layer.take(presence, "exp_probs_b.bias", layer.model.experts);
}

/** Sections of a head for text, rows and columns of images, where the header has them. */
export function maySections(l: Loader): void {
  l.mayLayerKey("rope.dimension_sections", 4);
}

/** Layers that predict are either all in the file or in another one. */
export function predictionPresence(l: Loader): Presence {
  return l.has(`blk.${l.layerCount}.nextn.eh_proj.weight`) ? NEEDED_UNLOADED : OPTIONAL_UNLOADED;
}

/** Which layers have a sliding window. */
export const WINDOW_PATTERN = "attention.sliding_window_pattern";

/** A window that the header may have; which layers slide is read where it has one. */
export function mayWindow(l: Loader): void {
  l.mayKey("attention.sliding_window");
  if (l.hyperparameters.slidingWindowKind === "none") return;
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
}
