import type { Builder } from "../builder.ts";
import { compressedCells } from "../../memory/kv_cache.ts";
import { F32, I32, I64, type Tensor } from "../../ggml/tensor.ts";
import { rotate } from "./attention.ts";

/** How keys are compressed. */
interface Compression {
  /** Tokens of one compressed key. */
  readonly ratio: number;
  /** Each looks at the tokens of the one before as well. */
  readonly overlaps: boolean;
  /** Elements of a key. */
  readonly length: number;
  /** ggml's number of the type of the mask. */
  readonly maskType: number;
  /** Turns keys on their way into the cache. */
  readonly rotation: Tensor | undefined;
}

/**
 * Keys of several tokens each, in a cache of their own, with the tokens that haven't made one yet
 * in a state (llama-kv-cache-dsv4.cpp; `dsv4_build_reserve_comp_plan` for the sizes).
 */
export class CompressedKeys {
  readonly mask: Tensor;
  readonly rotation: Tensor | undefined;
  readonly #compression: Compression;
  readonly #blocks: number;
  /** Tokens that the state keeps, for each sequence. */
  readonly #kept: number;
  readonly #positions: Tensor;
  readonly #persistFrom: Tensor;
  readonly #persistTo: Tensor;
  readonly #read: Tensor;
  readonly #write: Tensor;
  readonly #writePositions: Tensor;

  constructor(readonly b: Builder, compression: Compression) {
    const { graph, plan } = b;
    const { tokens, sequences } = plan;
    const { ratio, overlaps } = compression;
    this.#compression = compression;
    this.rotation = compression.rotation;
    this.#kept = overlaps ? 2 * ratio : ratio;
    this.#blocks = Math.floor(tokens / ratio) + sequences;
    const persisted = Math.min(tokens, this.#kept * sequences);
    this.#positions = graph.input(I32, [tokens]);
    this.#persistFrom = graph.input(I32, [persisted]);
    this.#persistTo = graph.input(I32, [persisted]);
    this.#read = graph.input(I32, [this.#kept * this.#blocks]);
    this.#write = graph.input(I64, [this.#blocks]);
    this.#writePositions = graph.input(I32, [this.#blocks]);
    this.mask = b.cache.mask(compressedCells(plan.cells, ratio), compression.maskType);
  }

  /** Compresses a batch's keys into the cache, and answers the cache's. */
  compress(layer: number, prefix: string, x: Tensor): Tensor {
    const { b } = this;
    const { graph, plan, cache } = b;
    const { overlaps, length } = this.#compression;
    const width = overlaps ? 2 * length : length;
    const keys = b.multiply(`${prefix}_kv`, x);
    const places = graph.getRows(b.need(`${prefix}_ape`), this.#positions);
    const scores = graph.add(b.multiply(`${prefix}_gate`, x), places);
    const state = () => cache.external(layer, F32, [width, this.#kept, plan.sequences]);
    const [keyState, scoreState] = [state(), state()];
    const all = (of: Tensor) => graph.view(of, [width, this.#kept * plan.sequences], of.s1);
    // All rows are those of the past, since no more are kept.
    const past = (of: Tensor) => graph.view(all(of), [width, this.#kept * plan.sequences], of.s1);
    const source = (of: Tensor, now: Tensor) => graph.concat(past(of), now, 1);
    const sources = [source(keyState, keys), source(scoreState, scores)] as const;
    const joined = overlaps ? this.#overlapping(...sources) : this.#apart(...sources);
    const normed = b.norm(joined, "rms", `${prefix}_norm`);
    const rotated = graph.rope(normed, this.#writePositions);
    const made = rotate(b, rotated, this.rotation);
    const store = cache.external(layer, plan.keyType, [length, this.mask.n0, plan.sequences]);
    graph.expand(cache.storeIn(store, made, this.#write));
    const keep = (of: Tensor, now: Tensor) =>
      graph.setRows(all(of), graph.getRows(now, this.#persistFrom), this.#persistTo);
    const [keptKeys, keptScores] = [keep(keyState, keys), keep(scoreState, scores)];
    graph.expand(keptKeys);
    graph.expand(keptScores);
    const cached = cache.keysIn(store);
    // As many as the mask has, which are all.
    return graph.view(cached, cached.shape, cached.s1, cached.s2, cached.s3);
  }

  /** Blocks with the one before (`build_overlap_compressed_kv_from_state`). */
  #overlapping(keys: Tensor, scores: Tensor): Tensor {
    const { graph } = this.b;
    const { ratio, length } = this.#compression;
    const withRow = (x: Tensor) => {
      const row = graph.reshape(graph.scale(graph.view(x, [x.n0])), x.n0, 1);
      return graph.getRows(graph.concat(x, row, 1), this.#read);
    };
    const halves = (rows: Tensor) => {
      const half = () => {
        const part = graph.view(rows, [length, ratio * this.#blocks], rows.s1);
        return graph.reshape(graph.contiguous(part), length, ratio, this.#blocks);
      };
      return graph.concat(half(), half(), 1);
    };
    return this.#weigh(halves(withRow(keys)), halves(withRow(scores)));
  }

  /** Blocks alone (`build_hca_compressed_kv_from_state`). */
  #apart(keys: Tensor, scores: Tensor): Tensor {
    const { graph } = this.b;
    const { ratio, length } = this.#compression;
    const blocks = (x: Tensor) =>
      graph.reshape(graph.getRows(x, this.#read), length, ratio, this.#blocks);
    return this.#weigh(blocks(keys), blocks(scores));
  }

  #weigh(keys: Tensor, scores: Tensor): Tensor {
    const { graph } = this.b;
    const columns = (x: Tensor) => graph.contiguous(graph.permute(x, [1, 0, 2, 3]));
    const values = columns(keys);
    const sum = graph.sumRows(graph.multiply(values, graph.softMax(columns(scores))));
    return columns(sum);
  }
}
