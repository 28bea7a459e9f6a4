import { Chunk } from "./chunk.ts";

/** Most buffers that stand for one that would be too large (GGML_VBUFFER_MAX_CHUNKS). */
const MOST_CHUNKS = 16;

/** Addresses of one chunk lie so far before those of the next. */
const CHUNK_SPAN = 2 ** 48;

/**
 * One growing buffer, in chunks where a device has no buffers as large as it becomes (ggml-alloc.c,
 * `ggml_dyn_tallocr`). Best fit among the ranges that lie between live tensors; else the open end.
 */
export class DynamicBuffer {
  readonly #chunks: Chunk[];

  constructor(readonly largestBytes: number) {
    this.#chunks = largestBytes === Infinity ? [new Chunk(Infinity)] : [];
  }

  /** Bytes that it came to. */
  get bytes(): number {
    return this.#chunks.reduce((bytes, { highest }) => bytes + highest, 0);
  }

  take(bytes: number): number {
    const chunks = this.#chunks;
    for (let number = chunks.length - 1; number >= 0; number--) {
      const chunk = chunks[number] as Chunk;
      const best = chunk.bestFit(bytes);
      // Of several chunks the last one that has such a range, whatever the others have.
      if (best >= 0) return number * CHUNK_SPAN + chunk.take(best, bytes);
    }
    const number = this.#chunkWithEnd(bytes);
    const chunk = chunks[number] as Chunk;
    return number * CHUNK_SPAN + chunk.take(chunk.sizes.length - 1, bytes);
  }

  give(address: number, bytes: number): void {
    const number = Math.floor(address / CHUNK_SPAN);
    this.#chunks[number]?.give(address - number * CHUNK_SPAN, bytes);
  }

  /** The chunk whose open end has room and grows least, or else wastes least; a new one if none. */
  #chunkWithEnd(bytes: number): number {
    const chunks = this.#chunks;
    if (this.largestBytes === Infinity) return 0;
    let found = -1;
    let best = -Infinity;
    chunks.forEach(({ offsets, sizes, highest }, number) => {
      const last = sizes.length - 1;
      if (last < 0 || (sizes[last] as number) < bytes) return;
      const spare = highest - (offsets[last] as number) - bytes;
      if ((best < 0 && spare > best) || (spare >= 0 && spare < best)) {
        found = number;
        best = spare;
      }
    });
    if (found >= 0) return found;
    const isLast = chunks.length === MOST_CHUNKS - 1;
    chunks.push(new Chunk(isLast ? Infinity : Math.max(bytes, this.largestBytes)));
    return chunks.length - 1;
  }
}
