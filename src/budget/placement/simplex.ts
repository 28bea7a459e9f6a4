/** A column of a linear program. */
export interface Column {
  readonly cost: number;
  /** Rows that it counts in, and how much. */
  readonly entries: readonly (readonly [row: number, amount: number])[];
}

/** What a step counts as nothing. */
const NOTHING = 1e-9;

/**
 * A linear program whose columns are found while it is solved: the least cost of columns, none
 * negative, that sum to the right side in every row. It begins with one column for each row, of that
 * row alone, and keeps the inverse of its basis.
 */
export class Simplex {
  readonly #rows: number;
  readonly #inverse: Float64Array;
  readonly #values: Float64Array;
  readonly #basis: Column[];

  /**
   * @param first for each row a column that counts 1 in it alone
   * @param right what the rows sum to, none negative
   */
  constructor(first: readonly Column[], right: readonly number[]) {
    this.#rows = first.length;
    this.#basis = [...first];
    this.#values = Float64Array.from(right);
    this.#inverse = new Float64Array(this.#rows * this.#rows);
    for (let row = 0; row < this.#rows; row++) this.#inverse[row * this.#rows + row] = 1;
  }

  /** What one more of each row's right side would cost. */
  prices(): Float64Array {
    const prices = new Float64Array(this.#rows);
    for (let row = 0; row < this.#rows; row++) {
      const cost = this.#basis[row]?.cost ?? 0;
      if (cost === 0) continue;
      for (let other = 0; other < this.#rows; other++) {
        prices[other] = (prices[other] ?? 0) +
          cost * (this.#inverse[row * this.#rows + other] ?? 0);
      }
    }
    return prices;
  }

  /** Takes a column in, and one out; whether there was one. */
  enter(column: Column): boolean {
    const rows = this.#rows;
    const direction = new Float64Array(rows);
    for (const [at, amount] of column.entries) {
      for (let row = 0; row < rows; row++) {
        direction[row] = (direction[row] ?? 0) + (this.#inverse[row * rows + at] ?? 0) * amount;
      }
    }
    let leaving = -1;
    let least = Infinity;
    for (let row = 0; row < rows; row++) {
      const amount = direction[row] ?? 0;
      if (amount <= NOTHING) continue;
      const ratio = (this.#values[row] ?? 0) / amount;
      // Of equal ones that with the larger amount, which divides better.
      const isLess = ratio < least - NOTHING ||
        (ratio < least + NOTHING && amount > (direction[leaving] ?? 0));
      if (isLess) [leaving, least] = [row, ratio];
    }
    if (leaving < 0) return false;
    const pivot = direction[leaving] ?? 1;
    for (let other = 0; other < rows; other++) {
      const at = leaving * rows + other;
      this.#inverse[at] = (this.#inverse[at] ?? 0) / pivot;
    }
    for (let row = 0; row < rows; row++) {
      const amount = direction[row] ?? 0;
      if (row === leaving || amount === 0) continue;
      for (let other = 0; other < rows; other++) {
        const at = row * rows + other;
        const by = this.#inverse[leaving * rows + other] ?? 0;
        this.#inverse[at] = (this.#inverse[at] ?? 0) - amount * by;
      }
      this.#values[row] = Math.max(0, (this.#values[row] ?? 0) - amount * least);
    }
    this.#values[leaving] = least;
    this.#basis[leaving] = column;
    return true;
  }

  /** The columns that are taken, and how much of each. */
  taken(): { readonly column: Column; readonly amount: number }[] {
    return this.#basis.map((column, row) => ({ column, amount: this.#values[row] ?? 0 }))
      .filter(({ amount }) => amount > NOTHING);
  }
}
