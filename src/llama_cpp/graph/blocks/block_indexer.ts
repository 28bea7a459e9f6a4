import type { Builder } from "../builder.ts";
import { F32, I32, I64, type Tensor } from "../../ggml/tensor.ts";

/** Inputs of one compression ratio (src/models/qwen4exp.cpp, `llm_graph_input_qsa`). */
function ratioInputs({ graph, plan }: Builder, ratio: number, blocks: number) {
  const { sequences, cells, tokens } = plan;
  return {
    keyIndices: graph.input(I64, [tokens]),
    cellBlocks: graph.input(I32, [cells, sequences]),
    blockCells: graph.input(I32, [ratio * blocks, sequences]),
    blockPositions: graph.input(I32, [4 * blocks * sequences]),
    bias: graph.input(F32, [blocks, tokens / sequences, sequences]),
  };
}
type RatioInputs = ReturnType<typeof ratioInputs>;

/** An indexer that scores blocks of keys (src/models/qwen4exp.cpp, `build_qsa_top_k`). */
export class BlockIndexer {
  readonly #inputs = new Map<number, RatioInputs>();

  constructor(readonly b: Builder) {}

  /** The mean key of each block, normed and rotated. */
  #pooledKeys(layer: number, raw: Tensor, ratio: number, inputs: RatioInputs): Tensor {
    const { graph, plan, cache } = this.b;
    const { sequences, cells } = plan;
    const keyLength = raw.n0;
    const blocks = inputs.bias.n0;
    const store = cache.external(layer, plan.keyType, [keyLength, cells, sequences]);
    graph.expand(cache.storeIn(store, raw, inputs.keyIndices));
    const stored = cache.keysIn(store);
    const all = graph.view(stored, [keyLength, cells, sequences], stored.s2, stored.s3);
    const rows = graph.getRows(all, inputs.blockCells);
    const members = graph.reshape(rows, keyLength, ratio, blocks, sequences);
    const shape = [keyLength, blocks, sequences];
    const member = () => graph.contiguous(graph.view(members, shape, members.s2, members.s3));
    let pooled = member();
    for (let index = 1; index < ratio; index++) pooled = graph.add(pooled, member());
    pooled = graph.reshape(graph.scale(pooled), keyLength, blocks * sequences, 1);
    pooled = this.b.norm(pooled, "rms", `blk.${layer}.indexer.k_norm`);
    pooled = graph.reshape(pooled, keyLength, 1, blocks * sequences);
    return graph.reshape(graph.rope(pooled, inputs.blockPositions), keyLength, blocks, sequences);
  }

  /** The keys that each token may look at. */
  choose(layer: number, x: Tensor, ratio: number): Tensor {
    const { b } = this;
    const { graph, plan, cache, tokens } = b;
    const { sequences, cells } = plan;
    const { keyLength, headCount, topK } = b.hyperparameters.indexer;
    const blocks = Math.ceil(cells / ratio);
    const perSequence = tokens / sequences;
    const inputs = this.#inputs.get(ratio) ?? ratioInputs(b, ratio, blocks);
    this.#inputs.set(ratio, inputs);
    const raw = b.heads(`blk.${layer}.indexer.k_proj`, x, keyLength, 1);
    const pooled = this.#pooledKeys(layer, raw, ratio, inputs);
    const queries = b.heads(`blk.${layer}.indexer.q_proj`, x, keyLength, headCount);
    const rotated = b.rope(b.norm(queries, "rms", `blk.${layer}.indexer.q_norm`));
    const q = graph.reshape(rotated, keyLength, headCount * perSequence, sequences);
    const products = graph.multiplyMatrix(pooled, q);
    const byHead = graph.reshape(products, blocks, headCount, perSequence, sequences);
    const scores = graph.unary("RELU", byHead);
    const head = () => graph.view(scores, [blocks, perSequence, sequences], scores.s2, scores.s3);
    let sum = graph.contiguous(head());
    for (let index = 1; index < headCount; index++) sum = graph.add(sum, head());
    sum = graph.add(sum, inputs.bias);
    const byToken = graph.contiguous(graph.permute(sum, [1, 0, 2, 3]));
    const byCell = graph.getRows(byToken, inputs.cellBlocks);
    const full = graph.contiguous(graph.permute(byCell, [1, 0, 2, 3]));
    const { mask } = cache.inputs(false);
    const wide = mask.type === F32 ? mask : graph.cast(mask, F32);
    const masked = graph.add(full, graph.reshape(wide, cells, perSequence, sequences));
    const width = Math.min(cells, topK + ratio - 1);
    const chosen = graph.top(masked, width);
    return graph.reshape(graph.contiguous(chosen), width, perSequence, 1, sequences);
  }
}
