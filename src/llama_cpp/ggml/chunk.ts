/** The free ranges of one chunk of a buffer, by address; the last one is the open end. */
export class Chunk {
  readonly offsets = [0];
  readonly sizes: number[];
  highest = 0;

  constructor(size: number) {
    this.sizes = [size];
  }

  /** The smallest range between live tensors that has room, of equal ones the later; -1 for none. */
  bestFit(bytes: number): number {
    const { sizes } = this;
    const last = sizes.length - 1;
    let best = -1;
    let bestSize = Infinity;
    for (let index = 0; index < last; index++) {
      const size = sizes[index] as number;
      if (size >= bytes && size <= bestSize) {
        best = index;
        bestSize = size;
      }
    }
    return best;
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
