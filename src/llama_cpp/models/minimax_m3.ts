import { MANY_GRAPH_NODES } from "../hyperparameters/architecture_rules.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";
import { indexerLayers } from "../memory/cached_layers.ts";
import { attention, type QueryKeyValue, rotate } from "../graph/blocks/attention.ts";
import {
  embedding,
  headNorms,
  type Loads,
  norm,
  output,
  queryKeyValue,
} from "../loading/blocks.ts";
import { demandRotation } from "../loading/graph_demands.ts";
import { denseThenExperts } from "../loading/latent_blocks.ts";
import { NEEDED } from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import { F16, F32, I32, I64, type Tensor } from "../ggml/tensor.ts";
import {
  buildTransformer,
  type LayerBuilder,
  prepare,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Positions that the graph is planned with: an empty cache counts as one step (`get_n_pos`). */
const PLANNED_POSITIONS = 256;

/** One layer's queries, its cache, and what its indexer compares. */
interface Parts {
  readonly q: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly queries: Tensor;
  readonly stored: Tensor;
}

/** Block-sparse attention by an indexer, with flash attention only (src/models/minimax-m3.cpp). */
class BlockSparseAttention {
  readonly #perSequence: number;
  readonly #positions: number;
  readonly #blocks: number;
  readonly #bias: Tensor;
  readonly #positionMask: Tensor;
  readonly #slots: Tensor;
  readonly #slotNumbers: Tensor;
  readonly #cellBlocks: Tensor;
  readonly #keyIndices: Tensor;
  #wideMask: Tensor | undefined;

  constructor(readonly b: Builder) {
    const { graph, plan } = b;
    const { blockSize } = b.hyperparameters.indexer;
    this.#perSequence = plan.tokens / plan.sequences;
    this.#positions = Math.ceil(PLANNED_POSITIONS / blockSize) * blockSize;
    this.#blocks = this.#positions / blockSize;
    this.#bias = graph.input(F32, [this.#blocks, plan.tokens]);
    this.#positionMask = graph.input(F32, [this.#positions, plan.tokens]);
    this.#slots = graph.input(I32, [this.#positions, plan.sequences]);
    this.#slotNumbers = graph.input(F32, [this.#positions, plan.sequences]);
    this.#cellBlocks = graph.input(I32, [plan.cells, plan.sequences]);
    this.#keyIndices = graph.input(I64, [plan.tokens]);
  }

  attend(layer: number, x: Tensor, projected: QueryKeyValue): Tensor {
    const { b } = this;
    const { graph, plan, cache } = b;
    const prefix = `blk.${layer}.indexer.`;
    const { headCount, keyLength } = b.hyperparameters.indexer;
    const heads = (name: string, count: number) => {
      const y = b.heads(`${prefix}${name}_proj`, x, keyLength, count);
      return b.rope(b.norm(y, "rms", `${prefix}${name}_norm`));
    };
    const queries = heads("q", headCount);
    const store = cache.external(layer, plan.keyType, [keyLength, plan.cells, plan.sequences]);
    graph.expand(cache.storeIn(store, heads("k", 1), this.#keyIndices));
    const inputs = cache.inputs(false);
    const q = graph.expand(rotate(b, projected.q, inputs.keyRotation));
    const k = graph.expand(rotate(b, projected.k, inputs.keyRotation));
    const v = graph.expand(rotate(b, projected.v, inputs.valueRotation));
    graph.expand(cache.storeKeys(layer, k, inputs));
    graph.expand(cache.storeValues(layer, v, inputs));
    const stored = cache.keysIn(store);
    const keys = cache.keys(layer, plan.cells);
    const values = cache.values(layer, plan.cells);
    const parts: Parts = { q, keys, values, queries, stored };
    const y = this.#perSequence === 1 ? this.#one(parts) : this.#many(parts);
    return b.multiplyScaled(`blk.${layer}.attn_output`, rotate(b, y, inputs.valueRotation));
  }

  /** `build_attn_msa_fa`: heads of one group side by side. */
  #flash({ q: query, k, v }: QueryKeyValue, mask: Tensor, group: number): Tensor {
    const { graph } = this.b;
    const rows = query.n1 * query.n2 / (group * k.n3);
    const q = graph.permute(graph.reshape(query, query.n0, group, k.n3, rows), [0, 2, 3, 1]);
    let y = graph.permute(graph.flashAttention(q, k, v, mask), [0, 1, 3, 2]);
    if (!y.isContiguous) y = graph.contiguous(y);
    return graph.reshape(y, query.n0 * query.n1, query.n2);
  }

  /** Scores of blocks: the largest of each (`GGML_OP_POOL_MAX`). */
  #pool(scores: Tensor): Tensor {
    const shape = [this.#blocks, scores.n1, scores.n2, scores.n3];
    return this.b.graph.make("POOL_2D", [scores], shape);
  }

  #top(scores: Tensor): Tensor {
    const count = Math.min(this.b.hyperparameters.indexer.topK, this.#blocks);
    return this.b.graph.top(scores, count);
  }

  /** Many tokens of each sequence: a mask for each head, one sequence after another. */
  #many(parts: Parts): Tensor {
    const { graph, plan, cache } = this.b;
    this.#wideMask ??= graph.cast(cache.inputs(false).mask, F32);
    let all: Tensor | undefined;
    for (let index = 0; index < plan.sequences; index++) {
      const one = this.#sequence(parts, this.#wideMask);
      all = all === undefined ? one : graph.concat(all, one, 1);
    }
    return all ?? parts.q;
  }

  #sequence({ q, keys, values, queries, stored: all }: Parts, wideMask: Tensor): Tensor {
    const { graph, plan } = this.b;
    const { cells } = plan;
    const heads = queries.n1;
    const tokens = this.#perSequence;
    const blocks = this.#blocks;
    const bias = graph.view(this.#bias, [blocks, 1, tokens], this.#bias.s1, this.#bias.s1);
    const query = graph.view(queries, [queries.n0, heads, tokens], queries.s1, queries.s2);
    const stored = graph.view(all, [queries.n0, cells], all.s2);
    const picked = graph.getRows(stored, graph.view(this.#slots, [this.#positions]));
    let scores = graph.multiplyMatrix(picked, graph.reshape(query, queries.n0, heads * tokens));
    scores = graph.reshape(scores, this.#positions, heads, tokens);
    const mask = graph.view(this.#positionMask, [this.#positions, 1, tokens]);
    scores = graph.into("ADD", scores, scores, mask);
    const chosen = this.#top(graph.add(this.#pool(scores), bias));
    const closed = graph.repeat(graph.cast(graph.scale(bias), F16), blocks, heads, tokens);
    const open = graph.scale(graph.cast(chosen, F32));
    let byBlock = graph.setRows(
      graph.reshape(closed, 1, blocks, heads * tokens),
      graph.reshape(open, 1, chosen.n0, heads * tokens),
      graph.reshape(chosen, chosen.n0, heads * tokens),
    );
    byBlock = graph.reshape(byBlock, blocks, heads, tokens);
    byBlock = graph.contiguous(graph.permute(byBlock, [0, 2, 1, 3]));
    const rows = graph.transpose(graph.reshape(byBlock, blocks, tokens * heads));
    const columns = graph.contiguous(rows);
    const byCell = graph.getRows(columns, graph.view(this.#cellBlocks, [cells]));
    let full = graph.contiguous(graph.transpose(byCell));
    full = graph.reshape(full, cells, tokens, heads);
    full = graph.into("ADD", full, full, graph.view(wideMask, [cells, tokens, 1]));
    const masks = graph.cast(graph.reshape(full, cells, tokens, 1, heads), F16);
    const own = (x: Tensor) =>
      graph.permute(graph.view(x, [x.n0, x.n1, cells, 1], x.s1, x.s2, x.s3), [0, 3, 1, 2]);
    const ownQuery = graph.view(q, [q.n0, q.n1, tokens], q.s1, q.s2);
    return this.#flash({ q: ownQuery, k: own(keys), v: own(values) }, masks, q.n1 / keys.n1);
  }

  /** One token of each sequence: the chosen blocks' keys are gathered. */
  #one({ q, keys, values, queries, stored: all }: Parts): Tensor {
    const { graph, plan } = this.b;
    const { cells, sequences } = plan;
    const { blockSize } = this.b.hyperparameters.indexer;
    const heads = queries.n1;
    const stored = graph.view(all, [queries.n0, cells, sequences], all.s2, all.s3);
    const picked = graph.getRows(stored, this.#slots);
    let scores = graph.multiplyMatrix(
      graph.reshape(picked, queries.n0, this.#positions, 1, sequences),
      graph.reshape(queries, queries.n0, heads, 1, sequences),
    );
    const mask = this.#positionMask;
    scores = graph.into(
      "ADD",
      scores,
      scores,
      graph.reshape(mask, this.#positions, 1, 1, sequences),
    );
    const bias = graph.reshape(this.#bias, this.#blocks, 1, 1, sequences);
    const chosen = this.#top(graph.add(this.#pool(scores), bias));
    const count = chosen.n0;
    const range = (length: number, ...shape: number[]) =>
      graph.reshape(graph.make("ARANGE", [], [length]), ...shape);
    const numbered = graph.scale(graph.cast(chosen, F32));
    const first = graph.reshape(numbered, 1, count, heads, sequences);
    const places = graph.add(
      graph.repeat(first, blockSize, count, heads, sequences),
      range(blockSize, blockSize, 1, 1),
    );
    const total = blockSize * count * heads;
    const tokens = graph.cast(graph.reshape(places, total, sequences), I32);
    const numbers = graph.reshape(this.#slotNumbers, 1, this.#positions, sequences);
    const found = graph.getRows(numbers, tokens);
    const slots = graph.reshape(found, blockSize, count, heads, sequences);
    const rows = graph.add(graph.scale(slots), range(keys.n1, 1, 1, heads));
    const rowNumbers = graph.cast(graph.reshape(rows, total, sequences), I32);
    const gather = (x: Tensor, wanted: number) => {
      const flat = graph.view(x, [x.n0, x.n1 * cells, sequences], x.s1, x.s3);
      const all = graph.getRows(flat, rowNumbers);
      const gathered = graph.reshape(all, x.n0, blockSize * count, 1, heads * sequences);
      return wanted === F32 ? gathered : graph.cast(gathered, wanted);
    };
    const kept = (type: number) => (type === F32 || type === F16 || type === 30) ? type : F16;
    const open = graph.getRows(graph.reshape(mask, 1, this.#positions, sequences), tokens);
    const masks = graph.reshape(open, blockSize * count, 1, 1, heads * sequences);
    const k = gather(keys, kept(plan.keyType));
    const v = gather(values, kept(plan.valueType));
    return this.#flash({ q, k, v }, graph.cast(masks, F16), q.n1 / keys.n1);
  }
}

const ROW: TransformerRow = {
  queryKeyNorm: "before-rope",
  gating: "header",
  weightsNorm: "header",
  activation: "swiglu-oai",
  expertActivation: "swiglu-oai",
  sharedActivation: "swiglu-oai",
};

/** src/models/minimax-m3.cpp */
function buildMiniMaxM3(b: Builder): void {
  const sparse = b.plan.flashAttention ? new BlockSparseAttention(b) : undefined;
  const mix: LayerBuilder = (_b, row, layer, x) => {
    const parts = prepare(b, row, layer, x);
    const isDense = layer < b.hyperparameters.experts.leadingDenseLayerCount;
    return sparse === undefined || isDense
      ? attention(b, layer, parts)
      : sparse.attend(layer, x, parts);
  };
  buildTransformer(b, { ...ROW, mix });
}

/** Block-sparse attention wants an indexer for each group of queries. */
function lacksIndexers(shape: Hyperparameters): string | undefined {
  const { indexer: { headCount }, keyValueHeadCounts, layerCount } = shape;
  const ungrouped = indexerLayers(shape).some((layer) =>
    layer < layerCount && keyValueHeadCounts[layer] !== headCount
  );
  return ungrouped
    ? `This model's ${headCount} indexers don't match its key-value heads, as flash attention needs`
    : undefined;
}

const miniMaxM3: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.mayKey("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.key("expert_shared_count");
  l.mayKey("expert_weights_scale");
  l.mayKey("expert_weights_norm");
  l.key("expert_gating_func");
  for (const name of ["head_count", "key_length", "top_k", "block_size", "local_blocks"]) {
    l.key(`attention.indexer.${name}`);
  }
  const { indexer, experts: { leadingDenseLayerCount } } = l.hyperparameters;
  l.demand(indexer.blockSize > 0, "the blocks of its indexers have no keys");
  demandRotation(l);
  embedding(l);
  output(l);
  const width = l.embedding;
  for (const layer of l.layers()) {
    queryKeyValue(layer, { keys: l.values() });
    layer.need("attn_output.weight", l.queries(), width);
    norm(layer, "attn_norm");
    headNorms(layer);
    norm(layer, "ffn_norm");
    denseThenExperts(layer, { bias: NEEDED });
    if (layer.index < leadingDenseLayerCount) continue;
    layer.need("indexer.q_proj.weight", width, indexer.headCount * indexer.keyLength);
    layer.need("indexer.k_proj.weight", width, indexer.keyLength);
    norm(layer, "indexer.q_norm", indexer.keyLength);
    norm(layer, "indexer.k_norm", indexer.keyLength);
  }
};

export const ARCHITECTURES: Family = family({
  "minimax-m3": attentionCache("models/minimax-m3.cpp", {
    graphNodes: MANY_GRAPH_NODES,
    graph: buildMiniMaxM3,
    loads: miniMaxM3,
    indexerLayers: "after-dense",
    breaksWithFlashAttention: lacksIndexers,
  }),
});
