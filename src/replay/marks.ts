import type { Mark, Moment, RecordedRun } from "./recorded_run.ts";

/** So many turns' beginnings are kept; what is between two of them is read again. */
const MOST_MARKS = 64;

/** How many moments are read between two looks at whether anybody still waits for them. */
const MOMENTS_AT_ONCE = 1000;

/** What was seen at the beginning of turns: from the nearest one before it any turn is soon found. */
export class Marks {
  readonly #run: RecordedRun;
  /** By their place in the index's turns, rising. */
  readonly #marks = new Map<number, Mark>();
  /** Every so many turns are kept; doubles whenever there are too many. */
  #stride = 1;

  constructor(run: RecordedRun) {
    this.#run = run;
  }

  /** Keeps what was seen before a turn that begins with this moment's line. */
  pass(before: Mark, { next }: Pick<Moment, "next">): void {
    const { offsets } = this.#run.index;
    const place = firstAtLeast(offsets, before.next);
    const offset = offsets[place];
    if (offset === undefined || offset >= next) return;
    if (place % this.#stride !== 0 || this.#marks.has(place)) return;
    const { view, at, since } = before;
    this.#marks.set(place, { view, at, since, next: offset });
    if (this.#marks.size <= MOST_MARKS) return;
    this.#stride *= 2;
    for (const kept of this.#marks.keys()) {
      if (kept % this.#stride !== 0) this.#marks.delete(kept);
    }
  }

  /**
   * What was seen at the beginning of a turn, or of the next one that there is; before the first turn
   * for 0, and the last turn for any after it.
   *
   * @param isInVain asked now and then; true where nobody wants it any more
   */
  async find(turn: number, isInVain: () => Promise<boolean>): Promise<Mark | undefined> {
    const { turns, offsets } = this.#run.index;
    if (turn <= 0 || turns.length === 0) return this.#run.beginning;
    const place = Math.min(firstAtLeast(turns, turn), turns.length - 1);
    const wanted = offsets[place] ?? this.#run.index.to;
    let before = this.#nearest(place);
    let count = 0;
    for await (const moment of this.#run.moments(before)) {
      if (moment.next > wanted) break;
      this.pass(before, moment);
      before = moment;
      if (++count % MOMENTS_AT_ONCE === 0 && await isInVain()) return undefined;
    }
    const { view, at, since } = before;
    return { view, at, since, next: wanted };
  }

  #nearest(place: number): Mark {
    const places = [...this.#marks.keys()].filter((kept) => kept <= place);
    return this.#marks.get(Math.max(...places)) ?? this.#run.beginning;
  }
}

/** Where the first of the rising numbers stands that is at least so much; their count where none is. */
function firstAtLeast(rising: readonly number[], least: number): number {
  let [from, to] = [0, rising.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((rising[middle] ?? 0) < least) from = middle + 1;
    else to = middle;
  }
  return from;
}
