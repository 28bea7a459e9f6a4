import type { Builder } from "../builder.ts";
import type { CacheInputs } from "../cache.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import {
  attend,
  attention,
  type AttentionOptions,
  projectOutput,
  type QueryKeyValue,
} from "./attention.ts";

/** Sizes of multi-head latent attention, where no window slides. */
export function latentSizes(b: Builder) {
  const { latentAttention, usesLatentAttention, ropeDimensionCounts, keyLength, valueLength } =
    b.hyperparameters;
  return {
    /** Of the compressed keys and values. */
    rank: latentAttention.keyValueLoraRank,
    /** Of one head's key, the rotated part included. */
    keyLength: usesLatentAttention ? latentAttention.keyLength : keyLength,
    valueLength: usesLatentAttention ? latentAttention.valueLength : valueLength,
    rotated: ropeDimensionCounts[0] ?? 0,
  };
}
export type LatentSizes = Readonly<ReturnType<typeof latentSizes>>;

interface LatentOptions extends Pick<AttentionOptions, "output"> {
  /** Some architectures leave the positions to other layers. */
  readonly ropes: boolean;
  readonly temperature?: boolean;
  /** Queries have their heads apart before the parts of each are looked at. */
  readonly splitsHeads?: boolean;
  /** Values are stored with the heads of each token in one row. */
  readonly mergesValues?: boolean;
}

/** The compressed queries, where the layer compresses them. */
export function latentQuery(b: Builder, layer: number, x: Tensor): { q: Tensor; low: Tensor } {
  const prefix = `blk.${layer}.attn_`;
  if (!b.has(`${prefix}q_a`)) return { q: b.multiplyMatrix(`${prefix}q`, x), low: x };
  const low = b.norm(b.multiplyMatrix(`${prefix}q_a`, x), "rms", `${prefix}q_a_norm`);
  return { q: b.multiplyMatrix(`${prefix}q_b`, low), low };
}

/** Compressed keys and values, and the part of the key that carries the position. */
function compress(b: Builder, layer: number, x: Tensor, sizes: LatentSizes) {
  const { graph, tokens } = b;
  const all = b.multiplyMatrix(`blk.${layer}.attn_kv_a_mqa`, x);
  const positional = graph.view(all, [sizes.rotated, 1, tokens], all.s1, all.s1);
  const norm = `blk.${layer}.attn_k_norm`;
  return {
    compressed: graph.view(all, [sizes.rank, tokens], all.s1),
    positional: b.has(norm) ? b.norm(positional, "rms", norm) : positional,
  };
}

/**
 * Queries in the space of the compressed keys, so that the cache holds those alone
 * (src/models/deepseek2.cpp, the branch with absorption).
 */
export function absorb(
  b: Builder,
  layer: number,
  x: Tensor,
  { query, sizes, ropes }: {
    readonly query: Tensor;
    readonly sizes: LatentSizes;
    readonly ropes: boolean;
  },
): QueryKeyValue {
  const { graph, tokens } = b;
  const heads = b.hyperparameters.headCounts[layer] ?? 0;
  const plain = sizes.keyLength - sizes.rotated;
  const parts = compress(b, layer, x, sizes);
  const row = sizes.keyLength * 4;
  const view = (length: number) => graph.view(query, [length, heads, tokens], row, row * heads);
  let positional = parts.positional;
  let queryPositional = view(sizes.rotated);
  if (ropes) {
    positional = b.rope(positional);
    queryPositional = b.rope(queryPositional);
  }
  const compressed = b.norm(parts.compressed, "rms", `blk.${layer}.attn_kv_a_norm`);
  let absorbed = graph.permute(view(plain), [0, 2, 1, 3]);
  absorbed = graph.multiplyMatrix(b.need(`blk.${layer}.attn_k_b`), absorbed);
  absorbed = graph.permute(absorbed, [0, 2, 1, 3]);
  const v = graph.reshape(compressed, sizes.rank, 1, tokens);
  return {
    q: graph.concat(absorbed, queryPositional, 0),
    k: graph.concat(v, positional, 0),
    v,
  };
}

/** A cache of keys alone, as one layer reads it. */
interface CachedKeys extends Pick<AttentionOptions, "output"> {
  readonly inputs: CacheInputs;
  /** The cache's own unless said. */
  readonly mask?: Tensor | undefined;
}

/**
 * Attention through a cache of keys alone, whose first part are the values (`build_attn` with
 * `llm_graph_input_attn_k`).
 */
export function attentionByKeys(
  b: Builder,
  layer: number,
  { q, k, v }: QueryKeyValue,
  { inputs, mask = inputs.mask, output }: CachedKeys,
): Tensor {
  const { graph, cache } = b;
  graph.expand(q);
  graph.expand(v);
  graph.expand(k);
  graph.expand(cache.storeKeys(layer, k, inputs));
  const keys = cache.keys(layer, inputs.cells);
  const shape = [v.n0, keys.n1, keys.n2, keys.n3];
  const values = graph.view(keys, shape, keys.s1, keys.s2, keys.s3);
  const decompress = b.need(`blk.${layer}.attn_v_b`);
  const y = attend(b, { q, k: keys, v: values }, mask, { decompress });
  return projectOutput(b, layer, y, output);
}

/** Attention with compressed keys and values, decompressed before (older files, MiniCPM3, PLM). */
export function decompressedAttention(
  b: Builder,
  layer: number,
  x: Tensor,
  options: LatentOptions,
): Tensor {
  const sizes = latentSizes(b);
  const { q: query } = latentQuery(b, layer, x);
  const { graph, tokens } = b;
  const heads = b.hyperparameters.headCounts[layer] ?? 0;
  const plain = sizes.keyLength - sizes.rotated;
  const parts = compress(b, layer, x, sizes);
  const positional = options.ropes ? b.rope(parts.positional, layer) : parts.positional;
  const compressed = b.norm(parts.compressed, "rms", `blk.${layer}.attn_kv_a_norm`);
  const both = b.multiplyMatrix(`blk.${layer}.attn_kv_b`, compressed);
  const row = (plain + sizes.valueLength) * 4;
  const view = (length: number) => graph.view(both, [length, heads, tokens], row, row * heads);
  let v = graph.contiguous(view(sizes.valueLength));
  if (options.mergesValues === true) v = graph.view(v, [sizes.valueLength * heads, tokens]);
  let q = graph.reshape(query, sizes.keyLength, heads, tokens);
  if (options.ropes) q = b.rope(q, layer);
  if (options.temperature === true) q = graph.multiply(q, b.attentionScale);
  const repeated = graph.repeat(positional, sizes.rotated, heads, tokens);
  const k = options.ropes
    ? graph.concat(view(plain), repeated, 0)
    : graph.concat(repeated, view(plain), 0);
  return attention(b, layer, { q, k, v }, { output: options.output });
}

/** One layer of latent attention, absorbed where the file allows it. */
export function latentAttention(
  b: Builder,
  layer: number,
  x: Tensor,
  options: LatentOptions,
): Tensor {
  if (!b.hyperparameters.usesLatentAttention || !b.has(`blk.${layer}.attn_k_b`)) {
    return decompressedAttention(b, layer, x, options);
  }
  const sizes = latentSizes(b);
  const { q: flat } = latentQuery(b, layer, x);
  const heads = b.hyperparameters.headCounts[layer] ?? 0;
  const query = options.splitsHeads === true
    ? b.graph.reshape(flat, sizes.keyLength, heads, b.tokens)
    : flat;
  const parts = absorb(b, layer, x, { query, sizes, ropes: options.ropes });
  const q = options.temperature === true ? b.graph.multiply(parts.q, b.attentionScale) : parts.q;
  return attentionByKeys(b, layer, { ...parts, q }, {
    inputs: b.cache.inputs(false),
    output: options.output,
  });
}
