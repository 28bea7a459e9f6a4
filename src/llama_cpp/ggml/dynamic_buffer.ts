/** Most buffers that stand for one that would be too large (GGML_VBUFFER_MAX_CHUNKS). */
const MOST_CHUNKS = 16;

/** Addresses of one chunk lie so far before those of the next. */
const CHUNK_SPAN = 2 ** 48;

/** The free ranges of one chunk, by address; the last one is the open end. */
class Chunk {
  readonly offsets = [0];
  readonly sizes: number[];
  highest = 0;

  constructor(size: number) {
    this.sizes = [size];
  }

  take(index: number, bytes: number): number {
    const offset = this.offsets[index] as number;
    this.offsets[index] = offset + bytes;
    const left = (this.sizes[index] as number) - bytes;
    this.sizes[index] = left;
    if (left === 0) this.#remove(index);
    if (offset + bytes > this.highest) this.highest = offset + bytes;
    return offset;
  }

  /**
   * A range grows only into its neighbours in the list. Tensors of no bytes leave ranges of none,
   * which may come to lie within others and keep neighbours apart: so it is in llama.cpp.
   */
  give(offset: number, bytes: number): void {
    const { offsets, sizes } = this;
    const count = offsets.length;
    let place = 0;
    for (let index = 0; index < count; index++) {
      const start = offsets[index] as number;
      const end = start + (sizes[index] as number);
      if (end === offset) {
        sizes[index] = (sizes[index] as number) + bytes;
        if (index < count - 1 && end + bytes === offsets[index + 1]) {
          sizes[index] = (sizes[index] as number) + (sizes[index + 1] as number);
          this.#remove(index + 1);
        }
        return;
      }
      if (offset + bytes === start) {
        offsets[index] = offset;
        sizes[index] = (sizes[index] as number) + bytes;
        if (
          index > 0 &&
          (offsets[index - 1] as number) + (sizes[index - 1] as number) === offset
        ) {
          sizes[index - 1] = (sizes[index - 1] as number) + (sizes[index] as number);
          this.#remove(index);
        }
        return;
      }
      if (place === index && start < offset) place = index + 1;
    }
    offsets.splice(place, 0, offset);
    sizes.splice(place, 0, bytes);
  }

  #remove(index: number): void {
    this.offsets.splice(index, 1);
    this.sizes.splice(index, 1);
  }
}

/**
 * One growing buffer, in chunks where a device has no buffers as large as it becomes (ggml-alloc.c,
 * `ggml_dyn_tallocr`). Best fit among the ranges that lie between live tensors; else the open end.
 */
export class DynamicBuffer {
  readonly #chunks: Chunk[];

  constructor(readonly largestBytes: number = Infinity) {
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
      const { sizes } = chunk;
      const last = sizes.length - 1;
      let best = -1;
      let bestSize = Infinity;
      for (let index = 0; index < last; index++) {
        const size = sizes[index] as number;
        // Of equal ranges the later one.
        if (size >= bytes && size <= bestSize) {
          best = index;
          bestSize = size;
        }
      }
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

  /** All ranges as text, to compare. */
  describe(): string {
    return this.#chunks.map(({ offsets, sizes }) => `${offsets} ${sizes}`).join("|");
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
