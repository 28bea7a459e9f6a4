import {
  demandExperts,
  experts,
  gatedFeedForward,
  gateUpExperts,
  router,
  sharedExperts,
} from "./blocks.ts";
import { demandGating } from "./graph_demands.ts";
import { type LayerLoader, type Loader, NEEDED, OPTIONAL, type Presence } from "./loader.ts";

/** Sizes of one layer's latent attention. */
export interface LatentSizes {
  readonly heads: number;
  /** 0 where queries have no rank of their own. */
  readonly queryRank: number;
  readonly rank: number;
  /** Of one head, before keys are compressed. */
  readonly keyLength: number;
  readonly valueLength: number;
}

/** Those of the first layer, where the header has MLA's lengths or those of usual heads. */
export function latentSizes(l: Loader): LatentSizes {
  const { latentAttention: sizes, usesLatentAttention: isLatent } = l.hyperparameters;
  return {
    heads: l.heads(),
    queryRank: sizes.queryLoraRank,
    rank: sizes.keyValueLoraRank,
    keyLength: isLatent ? sizes.keyLength : l.keyLength(),
    valueLength: isLatent ? sizes.valueLength : l.valueLength(),
  };
}

/** Elements of a key that rope doesn't rotate. */
function unrotated(l: Loader, { keyLength }: LatentSizes): number {
  const length = keyLength - l.rope();
  l.demand(length >= 0, `rope rotates ${l.rope()} elements of keys that have ${keyLength}`);
  return length;
}

/** Queries, by a narrow matrix and a wide one or by one alone. */
export function latentQueries(
  layer: LayerLoader,
  { queryRank, heads, keyLength }: LatentSizes,
  presence: Presence = NEEDED,
): void {
  const { embedding: width } = layer.model;
  if (queryRank === 0) {
    layer.take(presence, "attn_q.weight", width, heads * keyLength);
    return;
  }
  layer.take(presence, "attn_q_a_norm.weight", queryRank);
  layer.take(presence, "attn_q_a.weight", width, queryRank);
  layer.take(presence, "attn_q_b.weight", queryRank, heads * keyLength);
}

/** Compressed keys and values with the part of a key that rope rotates, and the way back. */
export function latentKeys(
  layer: LayerLoader,
  sizes: LatentSizes,
  presence: Presence = NEEDED,
): void {
  const { model } = layer;
  const { rank, heads, valueLength } = sizes;
  layer.take(presence, "attn_kv_a_norm.weight", rank);
  layer.take(presence, "attn_kv_a_mqa.weight", model.embedding, rank + model.rope());
  layer.take(presence, "attn_output.weight", heads * valueLength, model.embedding);
}

/** What keys and values are made of again, a matrix each: only compressed ones are cached. */
export function latentMatrices(
  layer: LayerLoader,
  sizes: LatentSizes,
  presence: Presence = NEEDED,
): void {
  const { rank, heads, valueLength } = sizes;
  layer.take(presence, "attn_k_b.weight", unrotated(layer.model, sizes), rank, heads);
  layer.take(presence, "attn_v_b.weight", rank, valueLength, heads);
}

/** The same in one matrix, of files whose keys and values are cached whole. */
export function wholeMatrix(
  layer: LayerLoader,
  sizes: LatentSizes,
  presence: Presence = NEEDED,
): boolean {
  const rows = sizes.heads * (unrotated(layer.model, sizes) + sizes.valueLength);
  return layer.take(presence, "attn_kv_b.weight", sizes.rank, rows);
}

/**
 * Rows of the cache are what its graph puts there: compressed keys with their rotated part as one
 * head, or whole heads. Where they aren't, llama.cpp ends the process.
 */
export function demandCachedRows(l: Loader, of: (layer: number) => LatentSizes): void {
  for (let layer = 0; layer < l.layerCount; layer++) {
    if (l.hyperparameters.recurrentLayers[layer]) continue;
    const sizes = of(layer);
    const isLatent = l.hyperparameters.usesLatentAttention;
    const heads = isLatent ? 1 : sizes.heads;
    const length = isLatent ? sizes.rank + l.rope() : sizes.keyLength;
    const [cachedHeads, cachedLength] = [l.keyValueHeads(layer), l.keyLength(layer)];
    l.demand(
      cachedHeads === heads && cachedLength === length,
      `layer ${layer} caches ${cachedHeads} heads of ${cachedLength} where ${heads} of ${length} come`,
    );
  }
}

/** What mixtures of a family differ in. */
interface Mixture {
  readonly presence?: Presence;
  /** Of what is added to the experts' scores. */
  readonly bias?: Presence;
  /** Gates and what goes up may lie in one matrix. */
  readonly fused?: boolean;
  /** The architecture has a router's function of its own, where the header has none. */
  readonly hasGating?: boolean;
}

/** A dense feed-forward on the leading layers, then a mixture with shared experts. */
export function denseThenExperts(layer: LayerLoader, mixture: Mixture = {}): void {
  const { presence = NEEDED, bias = OPTIONAL, fused = false, hasGating } = mixture;
  const { model } = layer;
  const { leadingDenseLayerCount, sharedCount } = model.hyperparameters.experts;
  if (layer.index < leadingDenseLayerCount) {
    gatedFeedForward(layer, model.feedForward(), presence);
    return;
  }
  const size = model.expertFeedForward();
  router(layer, presence);
  layer.take(bias, "exp_probs_b.bias", model.experts);
  demandExperts(model);
  demandGating(model, hasGating);
  if (fused) {
    layer.take(presence, "ffn_down_exps.weight", size, model.embedding, model.experts);
    gateUpExperts(layer, size, presence);
  } else {
    experts(layer, { presence });
  }
  sharedExperts(layer, size * sharedCount, presence);
}
