import type { Builder } from "../builder.ts";
import { F32, I32, I64, type Tensor } from "../../ggml/tensor.ts";

/** Inputs of one compression ratio (src/models/qwen4exp.cpp, `llm_graph_input_qsa`). */
interface RatioInputs {
  readonly keyIndices: Tensor;
  readonly cellBlocks: Tensor;
  readonly blockCells: Tensor;
  readonly blockPositions: Tensor;
  readonly bias: Tensor;
}

/** An indexer that scores blocks of keys (src/models/qwen4exp.cpp, `build_qsa_top_k`). */
export class BlockIndexer {
  readonly #inputs = new Map<number, RatioInputs>();

  constructor(readonly b: Builder) {}

  #inputsOf(ratio: number, blocks: number): RatioInputs {
    const known = this.#inputs.get(ratio);
    if (known !== undefined) return known;
    const { graph, plan } = this.b;
    const { sequences, cells, tokens } = plan;
    const made = {
      keyIndices: graph.input(I64, [tokens]),
      cellBlocks: graph.input(I32, [cells, sequences]),
      blockCells: graph.input(I32, [ratio * blocks, sequences]),
      blockPositions: graph.input(I32, [4 * blocks * sequences]),
      bias: graph.input(F32, [blocks, tokens / sequences, sequences]),
    };
    this.#inputs.set(ratio, made);
    return made;
  }

  /** The mean key of each block, normed and rotated. */
  #pooledKeys(layer: number, x: Tensor, ratio: number, blocks: number) {
    const { b } = this;
    const inputs = this.#inputsOf(ratio, blocks);
    const { graph, plan, cache, tokens } = b;
    const { sequences, cells } = plan;
    const { keyLength } = b.hyperparameters.indexer;
    const raw = graph.reshape(
      b.multiply(`blk.${layer}.indexer.k_proj`, x),
      keyLength,
      1,
      tokens,
    );
    const store = cache.external(plan.keyType, [keyLength, cells, sequences]);
    graph.expand(cache.storeIn(store, raw, inputs.keyIndices));
    const all = graph.view(store, [keyLength, cells, sequences], store.s1, store.s2);
    const members = graph.reshape(
      graph.getRows(all, inputs.blockCells),
      keyLength,
      ratio,
      blocks,
      sequences,
    );
    const member = () =>
      graph.contiguous(
        graph.view(members, [keyLength, blocks, sequences], members.s2, members.s3),
      );
    let pooled = member();
    for (let index = 1; index < ratio; index++) pooled = graph.add(pooled, member());
    pooled = graph.rmsNorm(graph.reshape(pooled, keyLength, blocks * sequences, 1));
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
    const inputs = this.#inputsOf(ratio, blocks);
    const pooled = this.#pooledKeys(layer, x, ratio, blocks);
    const queries = graph.reshape(
      b.multiply(`blk.${layer}.indexer.q_proj`, x),
      keyLength,
      headCount,
      tokens,
    );
    const q = graph.reshape(
      b.rope(graph.rmsNorm(queries)),
      keyLength,
      headCount * perSequence,
      sequences,
    );
    let scores = graph.reshape(
      graph.multiplyMatrix(pooled, q),
      blocks,
      headCount,
      perSequence,
      sequences,
    );
    scores = graph.map(scores);
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
    const chosen = graph.contiguous(
      graph.fresh([masked], [width, perSequence, sequences], I32),
    );
    return graph.reshape(chosen, width, perSequence, 1, sequences);
  }
}
