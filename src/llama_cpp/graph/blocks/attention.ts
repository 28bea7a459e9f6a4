import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";

export interface QueryKeyValue {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

/** Sizes of one layer's heads. */
export function headsOf(b: Builder, layer: number) {
  const { keyLengths, valueLengths, headCounts, keyValueHeadCounts } = b.hyperparameters;
  return {
    keyLength: keyLengths[layer] ?? 0,
    valueLength: valueLengths[layer] ?? 0,
    queries: headCounts[layer] ?? 0,
    keyValues: keyValueHeadCounts[layer] ?? 0,
  };
}

/** One layer's projections, fused or apart (llama-graph.cpp, `build_qkv`). */
export function projectQueryKeyValue(b: Builder, layer: number, x: Tensor): QueryKeyValue {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, valueLength, queries, keyValues } = headsOf(b, layer);
  const isClamped = b.hyperparameters.rules.clampsProjections === true &&
    b.keys.real("attention.clamp_kqv") > 0;
  const project = (name: string) => {
    const y = b.multiply(prefix + name, x);
    return isClamped ? graph.clamp(y) : y;
  };
  if (b.has(`${prefix}qkv`)) {
    const fused = project("qkv");
    const view = (length: number, count: number) =>
      graph.view(fused, [length, count, tokens], length * 4, fused.s1);
    return {
      q: view(keyLength, queries),
      k: view(keyLength, keyValues),
      v: view(valueLength, keyValues),
    };
  }
  return {
    q: graph.reshape(project("q"), keyLength, queries, tokens),
    k: graph.reshape(project("k"), keyLength, keyValues, tokens),
    v: graph.reshape(project("v"), valueLength, keyValues, tokens),
  };
}

interface ScoreOptions {
  /** Added to the scores (`kq_b`), which rules out flash attention. */
  readonly bias?: Tensor;
  readonly sinks?: Tensor | undefined;
  /** Decompresses values of latent attention (`v_mla`). */
  readonly decompress?: Tensor;
}

/** Scores, softmax and weighted values (`build_attn_mha`). */
export function attend(
  b: Builder,
  { q: query, k: key, v: value }: QueryKeyValue,
  mask: Tensor,
  options: ScoreOptions = {},
): Tensor {
  const { graph } = b;
  const isTransposed = value.s1 > value.s2;
  const streams = key.n3;
  const { n0, n1, n2, s1, s2, s3 } = query;
  let q = graph.view(query, [n0, n1, n2 / streams, streams], s1, s2, s3 / streams);
  q = graph.permute(q, [0, 2, 1, 3]);
  let k = graph.permute(key, [0, 2, 1, 3]);
  let v = graph.permute(value, [0, 2, 1, 3]);
  let y: Tensor;
  if (b.plan.flashAttention && options.bias === undefined) {
    if (isTransposed) v = graph.transpose(v);
    k = graph.castToHalf(k);
    v = graph.castToHalf(v);
    y = graph.flashAttention(q, k, v, mask, options.sinks);
    if (options.decompress !== undefined) {
      y = graph.permute(y, [0, 2, 1, 3]);
      y = graph.multiplyMatrix(options.decompress, y);
      y = graph.permute(y, [0, 2, 1, 3]);
      y = graph.contiguous(y);
    }
    y = graph.reshape(y, y.n0 * y.n1, y.n2 * y.n3);
  } else {
    let scores = graph.multiplyMatrix(k, q);
    if (b.hyperparameters.rules.capsScores) scores = b.softCap(scores);
    if (options.bias !== undefined) scores = graph.add(scores, options.bias);
    scores = graph.softMax(scores, mask, options.sinks);
    if (!isTransposed) v = graph.contiguous(graph.transpose(v));
    let weighted = graph.multiplyMatrix(v, scores);
    if (options.decompress !== undefined) {
      weighted = graph.multiplyMatrix(options.decompress, weighted);
    }
    y = graph.permute(weighted, [0, 2, 1, 3]);
    y = graph.contiguous(y, y.n0 * y.n1, y.n2 * y.n3);
  }
  return graph.expand(y);
}

/**
 * Quantized caches are rotated on the way in and back out (`llama_mul_mat_hadamard`); others have no
 * rotation.
 */
export function rotate(b: Builder, x: Tensor, rotation: Tensor | undefined): Tensor {
  if (rotation === undefined) return x;
  const { graph } = b;
  const side = rotation.n0;
  const rows = x.isContiguous
    ? graph.reshape(x, side, x.elements / side)
    : graph.contiguous(x, side, x.elements / side);
  return graph.reshape(graph.multiplyMatrix(rotation, rows), ...x.shape);
}

export interface AttentionOptions extends ScoreOptions {
  /** Names the output projection; `false` leaves it to the caller. */
  readonly output?: string | false | undefined;
  /** Narrows the cache's mask. */
  readonly remask?: ((mask: Tensor) => Tensor) | undefined;
}

/** Attention through the cache of one layer (`build_attn` with a key-value cache). */
export function attention(
  b: Builder,
  layer: number,
  parts: { q: Tensor; k?: Tensor; v?: Tensor },
  options: AttentionOptions = {},
): Tensor {
  const { graph, cache } = b;
  const { slidingWindowKind, slidingWindowLayers } = b.hyperparameters;
  const splits = slidingWindowKind !== "none";
  const sliding = splits && (slidingWindowLayers[layer] ?? false);
  const inputs = cache.inputs(sliding);
  const q = rotate(b, parts.q, inputs.keyRotation);
  const k = parts.k && rotate(b, parts.k, inputs.keyRotation);
  const v = parts.v && rotate(b, parts.v, inputs.valueRotation);
  graph.expand(q);
  // Values come first unless some layers slide.
  if (splits && k !== undefined) graph.expand(k);
  if (v !== undefined) graph.expand(v);
  if (k !== undefined) graph.expand(k);
  if (k !== undefined) graph.expand(cache.storeKeys(layer, k, inputs));
  if (v !== undefined) graph.expand(cache.storeValues(layer, v, inputs));
  const { cells, mask } = inputs;
  const cached = { q, k: cache.keys(layer, cells), v: cache.values(layer, cells) };
  const y = attend(b, cached, options.remask?.(mask) ?? mask, options);
  return projectOutput(b, layer, rotate(b, y, inputs.valueRotation), options.output);
}

/** A gate has one number for each element of what attention gives, or one for each head. */
export function gate(b: Builder, y: Tensor, values: Tensor, heads: number): Tensor {
  const { graph } = b;
  if (values.n0 !== heads) return graph.multiply(y, values);
  const byHead = graph.reshape(y, y.n0 / heads, heads, y.n1);
  const gated = graph.multiply(byHead, graph.reshape(values, 1, heads, y.n1));
  return graph.reshape(gated, y.n0, y.n1);
}

export function projectOutput(
  b: Builder,
  layer: number,
  y: Tensor,
  name: string | false = "attn_output",
): Tensor {
  return name === false ? y : b.multiply(`blk.${layer}.${name}`, y);
}

/** Attention within the batch alone (`build_attn` without a cache). */
export function attentionWithoutCache(
  b: Builder,
  layer: number,
  parts: QueryKeyValue,
  mask: Tensor,
): Tensor {
  const { graph } = b;
  graph.expand(parts.q);
  graph.expand(parts.k);
  graph.expand(parts.v);
  return projectOutput(b, layer, attend(b, parts, mask));
}
