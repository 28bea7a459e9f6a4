import { compressedCache, type Family, family } from "./architecture.ts";
import { COMPRESSED_HEAVY_RATIO, COMPRESSED_SPARSE_RATIO } from "../memory/kv_cache.ts";
import { isQuantized, rotationMatrix } from "../graph/cache.ts";
import { attend, rotate } from "../graph/blocks/attention.ts";
import { chooseKeys, unmaskChosen, weightsBySequence } from "../graph/blocks/lightning_indexer.ts";
import { CompressedKeys } from "../graph/blocks/compressed_keys.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { HyperConnections } from "../graph/blocks/hyper_connections.ts";
import {
  embedding,
  experts,
  type Loads,
  output,
  predictionHead,
  router,
  sharedExperts,
} from "../loading/blocks.ts";
import {
  type LayerLoader,
  type Loader,
  NEEDED,
  NEEDED_UNLOADED,
  type Presence,
} from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import { F16, I64, type Tensor } from "../ggml/tensor.ts";

/** What a layer's attention is made of. */
interface Parts {
  readonly q: Tensor;
  readonly kv: Tensor;
  /** The query before its heads are made, for the indexer. */
  readonly low: Tensor;
  readonly x: Tensor;
}

interface MaskedKeys {
  readonly keys: Tensor;
  readonly mask: Tensor;
}

/** Attention to the window's keys and to compressed ones before it (src/models/deepseek4.cpp). */
class DeepSeek4 {
  readonly #streams: HyperConnections;
  readonly #keyIndices: Tensor;
  readonly #mask: Tensor;
  readonly #rotation: Tensor | undefined;
  /** Of the whole key, every 4 tokens. */
  readonly #sparse: CompressedKeys;
  /** Of the whole key, every 128 tokens. */
  readonly #heavy: CompressedKeys;
  /** The indexer's, every 4 tokens. */
  readonly #indexer: CompressedKeys;

  constructor(readonly b: Builder) {
    const { graph, plan, cache } = b;
    const { keyLength, indexer } = b.hyperparameters;
    this.#streams = new HyperConnections(b);
    this.#keyIndices = graph.input(I64, [plan.tokens]);
    this.#mask = cache.mask(plan.slidingCells);
    // The indexer's keys are always rotated, and so are others of its length.
    const rotates = isQuantized(plan.keyType) && keyLength % 64 === 0;
    const rotation = (length: number) =>
      rotates || length === indexer.keyLength ? rotationMatrix(graph, length) : undefined;
    this.#rotation = rotation(keyLength);
    const compressed = (ratio: number, length: number, maskType: number) => {
      const overlaps = ratio === COMPRESSED_SPARSE_RATIO;
      return new CompressedKeys(b, {
        ratio,
        overlaps,
        length,
        maskType,
        rotation: rotation(length),
      });
    };
    this.#sparse = compressed(COMPRESSED_SPARSE_RATIO, keyLength, plan.maskType);
    this.#heavy = compressed(COMPRESSED_HEAVY_RATIO, keyLength, plan.maskType);
    // The fused indexer reads halves, whatever attention reads.
    this.#indexer = compressed(COMPRESSED_SPARSE_RATIO, indexer.keyLength, F16);
  }

  build(): void {
    const { b } = this;
    const { graph, tokens } = b;
    const embedded = b.embed();
    graph.expand(this.#mask);
    const hashed = b.keys.real("hash_layer_count");
    let x = this.#streams.widen(embedded);
    for (const layer of b.layers((index) => index < hashed ? 1 : 0)) {
      const attention = this.#streams.before(x, `blk.${layer}.hc_attn`);
      const attended = this.#attention(layer, b.norm(attention.x, "rms"));
      x = this.#streams.after(attended, x, attention);
      const feed = this.#streams.before(x, `blk.${layer}.hc_ffn`);
      graph.expand(x);
      graph.expand(feed.post);
      graph.expand(feed.mixed);
      const y = this.#feedForward(layer, b.norm(feed.x, "rms"), layer < hashed);
      x = this.#streams.after(y, x, feed);
    }
    const width = b.hyperparameters.embeddingLength;
    const streams = b.hyperparameters.hyperConnectionCount;
    const kept = b.onlyOutputs(graph.reshape(x, width * streams, tokens));
    const last = graph.reshape(kept, width, streams, b.plan.outputs);
    b.logits(b.finish(this.#streams.join(last), "rms"));
  }

  /** The first layers take their experts from a table of tokens. */
  #feedForward(layer: number, x: Tensor, hashed: boolean): Tensor {
    const { b } = this;
    const { graph } = b;
    const routed = mixtureOfExperts(b, layer, x, {
      gating: "header",
      weightsNorm: "header",
      selected: hashed
        ? graph.getRows(b.need(`blk.${layer}.ffn_gate_tid2eid`), b.tokenIds)
        : undefined,
    });
    return graph.add(routed, sharedFeedForward(b, layer, x));
  }

  #attention(layer: number, x: Tensor): Tensor {
    const { b } = this;
    const { graph, tokens } = b;
    const { keyLength, headCounts, compressRatios } = b.hyperparameters;
    const heads = headCounts[layer] ?? 0;
    const prefix = `blk.${layer}.attn_`;
    const low = graph.rmsNorm(b.multiply(`${prefix}q_a`, x));
    const normed = graph.rmsNorm(b.multiply(`${prefix}kv`, x));
    const parts: Parts = {
      q: b.rope(graph.rmsNorm(b.heads(`${prefix}q_b`, low, keyLength, heads))),
      kv: b.rope(graph.reshape(normed, keyLength, 1, tokens)),
      low,
      x,
    };
    const compressed = this.#compressed(layer, parts, compressRatios[layer] ?? 0);
    const attended = this.#attend(layer, parts, compressed);
    const rotated = b.rope(graph.reshape(attended, keyLength, heads, tokens));
    const groups = b.keys.real("attention.output_group_count", 1);
    const rank = b.keys.real("attention.output_lora_rank");
    const split = graph.reshape(rotated, keyLength * heads / groups, groups, tokens);
    const grouped = graph.permute(split, [0, 2, 1, 3]);
    // The file's matrix may have its groups one below the other.
    const narrow = graph.fresh([b.need(`${prefix}output_a`), grouped], [rank, tokens, groups]);
    const rows = graph.contiguous(graph.permute(narrow, [0, 2, 1, 3]), rank * groups, tokens);
    return b.multiply(`${prefix}output_b`, rows);
  }

  /** The keys behind the window, where the layer has any, and who may look at them. */
  #compressed(layer: number, parts: Parts, ratio: number): MaskedKeys | undefined {
    const { b } = this;
    const prefix = `blk.${layer}.`;
    const name = `${prefix}attn_compressor`;
    if (ratio === COMPRESSED_HEAVY_RATIO) {
      return { keys: this.#heavy.compress(name, parts.x), mask: this.#heavy.mask };
    }
    if (ratio !== COMPRESSED_SPARSE_RATIO) return undefined;
    const keys = this.#sparse.compress(name, parts.x);
    const indexed = this.#indexer.compress(`${prefix}indexer_compressor`, parts.x);
    const chosen = this.#choose(layer, parts, indexed);
    return { keys, mask: unmaskChosen(b, this.#sparse.mask, chosen, b.plan.maskType) };
  }

  /** Attention to the window and, behind it, to compressed keys. */
  #attend(layer: number, parts: Parts, compressed: MaskedKeys | undefined): Tensor {
    const { b } = this;
    const { graph, plan, cache } = b;
    const { keyLength } = b.hyperparameters;
    const q = graph.expand(rotate(b, parts.q, this.#rotation));
    const kv = graph.expand(rotate(b, parts.kv, this.#rotation));
    const store = cache.external(plan.keyType, [keyLength, plan.slidingCells, plan.sequences]);
    graph.expand(cache.storeIn(store, kv, this.#keyIndices));
    let keys = cache.keysIn(store);
    let mask = this.#mask;
    if (compressed !== undefined) {
      keys = graph.concat(keys, compressed.keys, 2);
      mask = graph.concat(mask, compressed.mask, 0);
    }
    const sinks = b.need(`blk.${layer}.attn_sinks`);
    return rotate(b, attend(b, { q, k: keys, v: keys }, mask, { sinks }), this.#rotation);
  }

  /** The indexer's best compressed keys of each token (`build_lid_top_k`). */
  #choose(layer: number, { low, x }: Parts, keys: Tensor): Tensor {
    const { b } = this;
    const { headCount, keyLength } = b.hyperparameters.indexer;
    const { mask, rotation } = this.#indexer;
    const prefix = `blk.${layer}.indexer.`;
    const heads = b.heads(`${prefix}attn_q_b`, low, keyLength, headCount);
    const q = rotate(b, b.rope(heads), rotation);
    const weights = weightsBySequence(b, b.multiply(`${prefix}proj`, x));
    return chooseKeys(b, { q, keys, weights, mask });
  }
}

/** The one function that its routers may have (`LLAMA_EXPERT_GATING_FUNC_TYPE_SQRT_SOFTPLUS`). */
const GATING_FUNCTION = 4;
/** Streams that its hyper-connections must have. */
const STREAMS = 4;

function deepSeek4Keys(l: Loader): void {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("attention.q_lora_rank");
  l.key("attention.sliding_window");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.key("expert_weights_scale");
  l.key("expert_weights_norm");
  l.layerKey("swiglu_clamp_exp");
  l.mayLayerKey("swiglu_clamp_shexp");
  l.key("attention.indexer.head_count");
  l.key("attention.indexer.key_length");
  l.key("attention.indexer.top_k");
  l.key("attention.output_group_count");
  l.key("attention.output_lora_rank");
  l.key("attention.compress_rope_freq_base");
  l.key("hyper_connection.count");
  l.key("hyper_connection.sinkhorn_iterations");
  l.key("hyper_connection.epsilon");
  l.key("hash_layer_count");
  l.array("attention.compress_ratios");
  l.key("expert_gating_func");
  const { hyperConnectionCount, experts: { gatingFunction } } = l.hyperparameters;
  l.demand(
    gatingFunction === GATING_FUNCTION,
    `its router's function is number ${gatingFunction}, and its architecture's is ${GATING_FUNCTION}`,
  );
  l.demand(
    hyperConnectionCount === STREAMS,
    `it has ${hyperConnectionCount} hyper-connections, and its architecture has ${STREAMS}`,
  );
  const groups = l.number("attention.output_group_count");
  l.demand(
    groups > 0 && l.heads() % groups === 0,
    `its ${l.heads()} heads aren't ${groups} equal groups`,
  );
  const [keys, values] = [l.keyLength(), l.valueLength()];
  l.demand(keys === values, `its heads have ${keys} elements for keys and ${values} for values`);
  demandRotated(l, keys);
  const shared = l.hyperparameters.keyValueHeadCounts.slice(0, l.layerCount);
  const other = shared.find((count) => count !== 1);
  l.demand(other === undefined, `it caches ${other} heads, and its architecture's are one`);
  l.demand(
    l.number("hyper_connection.sinkhorn_iterations") > 0,
    "its hyper-connections are never balanced",
  );
}

function demandRotated(l: Loader, length: number): void {
  l.demand(l.rope() <= length, `rope rotates ${l.rope()} elements of keys that have ${length}`);
}

/** Keys of a few tokens in one, and an indexer to choose between those of very few. */
function compressorWeights(layer: LayerLoader, ratio: number, presence: Presence): void {
  const { embedding: width, hyperparameters: { indexer, latentAttention } } = layer.model;
  const compressor = (name: string, length: number) => {
    const all = ratio === COMPRESSED_SPARSE_RATIO ? 2 * length : length;
    layer.take(presence, `${name}_kv.weight`, width, all);
    layer.take(presence, `${name}_gate.weight`, width, all);
    layer.take(presence, `${name}_ape.weight`, all, ratio);
    layer.take(presence, `${name}_norm.weight`, length);
  };
  compressor("attn_compressor", layer.model.keyLength());
  if (ratio === COMPRESSED_HEAVY_RATIO) return;
  layer.model.demand(
    ratio === COMPRESSED_SPARSE_RATIO,
    `layer ${layer.index} compresses ${ratio} keys into one, not 4 or 128`,
  );
  const { headCount, keyLength } = indexer;
  demandRotated(layer.model, keyLength);
  layer.take(presence, "indexer.proj.weight", width, headCount);
  const rank = latentAttention.queryLoraRank;
  layer.take(presence, "indexer.attn_q_b.weight", rank, headCount * keyLength);
  compressor("indexer_compressor", keyLength);
}

function deepSeek4Attention(layer: LayerLoader, presence: Presence): void {
  const l = layer.model;
  const { embedding: width, hyperparameters: { latentAttention } } = l;
  const [length, rank] = [l.keyLength(), latentAttention.queryLoraRank];
  const take = (name: string, ...shape: number[]) => layer.take(presence, name, ...shape);
  const groups = l.number("attention.output_group_count");
  const outputRank = l.number("attention.output_lora_rank");
  take("attn_norm.weight", width);
  take("attn_sinks.weight", l.heads());
  take("attn_q_a.weight", width, rank);
  take("attn_q_a_norm.weight", rank);
  take("attn_q_b.weight", rank, l.queries());
  take("attn_kv.weight", width, length);
  take("attn_kv_a_norm.weight", length);
  const rows = Math.floor(l.queries() / groups);
  layer.takeReshaped(presence, "attn_output_a.weight", rows, outputRank, groups);
  take("attn_output_b.weight", groups * outputRank, width);
}

const deepSeek4: Loads = (l) => {
  deepSeek4Keys(l);
  const { embedding: width, hyperparameters } = l;
  const { compressRatios, hyperConnectionCount: streams, experts: { sharedCount } } =
    hyperparameters;
  embedding(l);
  output(l);
  l.need("output_hc_fn.weight", streams * width, streams);
  l.need("output_hc_base.weight", streams);
  l.need("output_hc_scale.weight", 1);
  const mixed = (2 + streams) * streams;
  const hashed = l.number("hash_layer_count");
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? NEEDED_UNLOADED : NEEDED;
    const take = (name: string, ...shape: number[]) => layer.take(presence, name, ...shape);
    deepSeek4Attention(layer, presence);
    for (const block of ["attn", "ffn"]) {
      take(`hc_${block}_fn.weight`, streams * width, mixed);
      take(`hc_${block}_base.weight`, mixed);
      take(`hc_${block}_scale.weight`, 3);
    }
    const ratio = compressRatios[layer.index] ?? 0;
    if (ratio !== 0) compressorWeights(layer, ratio, presence);
    router(layer, presence);
    if (layer.index < hashed) take("ffn_gate_tid2eid.weight", l.expertsUsed(), l.vocabulary);
    else take("exp_probs_b.bias", l.experts);
    layer.take({ ...presence, isNeeded: false }, "exp_probs_b_vl.bias", l.experts);
    take("ffn_norm.weight", width);
    experts(layer, { presence });
    sharedExperts(layer, l.expertFeedForward() * sharedCount, presence);
    if (predicts) predictionHead(layer);
  }
};

export const ARCHITECTURES: Family = family({
  "deepseek4": compressedCache("models/deepseek4.cpp", {
    graph: (b) => new DeepSeek4(b).build(),
    loads: deepSeek4,
    slidingWindow: { pattern: "every" },
    predictionLayersSkipped: true,
    outputsHyperConnections: true,
    predictionLayersBy: "nextn.eh_proj.weight",
    clampsInOneOperation: true,
  }),
});
