import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { compressedCache, type Family, family } from "./architecture.ts";
import { deepSeek4Loads } from "./deepseek4_loads.ts";
import { COMPRESSED_HEAVY_RATIO, COMPRESSED_SPARSE_RATIO } from "../memory/kv_cache.ts";
import { isQuantized } from "../ggml/types.ts";
import { rotationMatrix } from "../graph/cache.ts";
import { attend, rotate } from "../graph/blocks/attention.ts";
import { chooseKeys, unmaskChosen, weightsBySequence } from "../graph/blocks/lightning_indexer.ts";
import { CompressedKeys } from "../graph/blocks/compressed_keys.ts";
import { mixtureOfExperts } from "../graph/blocks/experts.ts";
import { sharedFeedForward } from "../graph/blocks/feed_forward.ts";
import { HyperConnections } from "../graph/blocks/hyper_connections.ts";
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
      const input = b.norm(attention.x, "rms", `blk.${layer}.attn_norm`);
      const attended = this.#attention(layer, input);
      x = this.#streams.after(attended, x, attention);
      const feed = this.#streams.before(x, `blk.${layer}.hc_ffn`);
      graph.expand(x);
      graph.expand(feed.post);
      graph.expand(feed.mixed);
      const middle = b.norm(feed.x, "rms", `blk.${layer}.ffn_norm`);
      const y = this.#feedForward(layer, middle, layer < hashed);
      x = this.#streams.after(y, x, feed);
      x.layer = layer;
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
    const low = b.norm(b.multiply(`${prefix}q_a`, x), "rms", `${prefix}q_a_norm`);
    const normed = b.norm(b.multiply(`${prefix}kv`, x), "rms", `${prefix}kv_a_norm`);
    const parts: Parts = {
      q: b.rope(graph.rmsNorm(b.heads(`${prefix}q_b`, low, keyLength, heads))),
      kv: b.rope(graph.reshape(normed, keyLength, 1, tokens)),
      low,
      x,
    };
    const compressed = this.#compressed(layer, parts, compressRatios[layer] ?? 0);
    const attended = this.#attend(layer, parts, compressed);
    const back = graph.reshape(attended, keyLength, heads, tokens);
    const rotated = graph.like("ROPE_BACK", back, b.positions);
    const groups = b.keys.real("attention.output_group_count", 1);
    const rank = b.keys.real("attention.output_lora_rank");
    const split = graph.reshape(rotated, keyLength * heads / groups, groups, tokens);
    const grouped = graph.permute(split, [0, 2, 1, 3]);
    // The file's matrix may have its groups one below the other.
    const matrix = b.model.findAs(`${prefix}output_a.weight`, [split.n0, rank, groups]);
    const narrow = graph.multiplyMatrix(matrix ?? b.need(`${prefix}output_a`), grouped);
    const rows = graph.contiguous(graph.permute(narrow, [0, 2, 1, 3]), rank * groups, tokens);
    return b.multiply(`${prefix}output_b`, rows);
  }

  /** The keys behind the window, where the layer has any, and who may look at them. */
  #compressed(layer: number, parts: Parts, ratio: number): MaskedKeys | undefined {
    const { b } = this;
    const prefix = `blk.${layer}.`;
    const name = `${prefix}attn_compressor`;
    if (ratio === COMPRESSED_HEAVY_RATIO) {
      return { keys: this.#heavy.compress(layer, name, parts.x), mask: this.#heavy.mask };
    }
    if (ratio !== COMPRESSED_SPARSE_RATIO) return undefined;
    const keys = this.#sparse.compress(layer, name, parts.x);
    const indexed = this.#indexer.compress(layer, `${prefix}indexer_compressor`, parts.x);
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
    const store = cache.external(layer, plan.keyType, [
      keyLength,
      plan.slidingCells,
      plan.sequences,
    ]);
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
    const scaled = b.graph.scale(b.multiply(`${prefix}proj`, x));
    const weights = weightsBySequence(b, scaled);
    return chooseKeys(b, { q, keys, weights, mask });
  }
}

export const ARCHITECTURES: Family = family({
  "deepseek4": compressedCache("models/deepseek4.cpp", {
    graphNodes: MANY_GRAPH_NODES,
    graph: (b) => new DeepSeek4(b).build(),
    loads: deepSeek4Loads,
    slidingWindow: { pattern: "every" },
    predictionLayersSkipped: true,
    outputsHyperConnections: true,
    predictionLayersBy: "nextn.eh_proj.weight",
    clampsInOneOperation: true,
  }),
});
