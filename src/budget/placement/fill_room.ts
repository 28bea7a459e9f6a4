import type { Choice } from "./problem.ts";

/** Some jars of one group, placed in the same way. */
export interface Pick {
  readonly choice: Choice;
  readonly count: number;
}

/** Choices in the order in which they are tried: what takes most first. */
export interface Candidates {
  readonly choices: readonly Choice[];
  /** What each takes, in shares of the room that is filled; never more than the one before it. */
  readonly sizes: Float64Array;
  /** The group of each. */
  readonly groups: Int32Array;
  /** What each takes of every room, one after another. */
  readonly needs: Float64Array;
}

/** How much was searched. */
export interface Work {
  steps: number;
}

/** How one machine is filled. */
export interface Filling {
  readonly candidates: Candidates;
  /** Jars left of each group. */
  readonly left: Int32Array;
  /** Bytes left of each room of the machine. */
  readonly rooms: readonly number[];
  /** What the rooms leave, as the sizes count it. */
  readonly size: number;
  /** Whether the largest jar that fits must be among them. */
  readonly keepsLargest: boolean;
  /** Steps of the search. */
  readonly steps: number;
  /** Counts the steps that are taken. */
  readonly work: Work;
  /** What may be left over without a further search, in shares of the room. */
  readonly spare: number;
}

/**
 * The choices of a kind of machine by how much they take, by weights of its rooms.
 *
 * @param weights of each room, such that the rooms of an empty machine weigh something in all
 */
export function candidatesOf(
  choices: readonly Choice[],
  weights: readonly number[],
): Candidates {
  const sized = choices.map((choice) => ({ choice, size: sizeOf(choice.needs, weights) }))
    .toSorted((a, b) => b.size - a.size);
  return inOrder(sized.map(({ choice }) => choice), Float64Array.from(sized, ({ size }) => size));
}

/** Candidates whose order is known. */
function inOrder(choices: readonly Choice[], sizes: Float64Array): Candidates {
  return {
    choices,
    sizes,
    groups: Int32Array.from(choices, ({ group }) => group),
    needs: Float64Array.from(choices.flatMap(({ needs }) => needs)),
  };
}

/** Those of which there are jars left. */
export function withoutGone({ choices, sizes }: Candidates, left: Int32Array): Candidates {
  const kept = choices.flatMap(({ group }, at) => (left[group] ?? 0) > 0 ? [at] : []);
  return inOrder(
    kept.flatMap((at) => choices[at] ?? []),
    Float64Array.from(kept, (at) => sizes[at] ?? 0),
  );
}

/** Bytes of rooms as weights count them. */
export function sizeOf(bytes: readonly number[], weights: readonly number[]): number {
  return bytes.reduce((size, count, room) => size + count * (weights[room] ?? 0), 0);
}

/**
 * Which jars fill a machine best: a search in depth, larger jars first, as many of each as fit, that
 * gives back the last one taken and goes on with smaller ones. It ends where next to nothing is left
 * over, or after so many steps with the best that was seen.
 */
export function fillRoom(filling: Filling): Pick[] {
  const { candidates: { choices, sizes }, keepsLargest, steps, work } = filling;
  const machine = new Machine(filling);
  const taken: Taken[] = [];
  const smallest = sizes[sizes.length - 1] ?? 0;
  let best = Infinity;
  let bestTaken: readonly Taken[] = [];
  let at = 0;
  let step = 0;
  const isEnough = () => best <= filling.size * filling.spare;
  const offer = () => {
    if (machine.size >= best) return;
    best = machine.size;
    bestTaken = taken.map((one) => ({ ...one }));
  };
  /** As many of each as fit, from `at` on. */
  const down = () => {
    for (at = firstNoLarger(sizes, machine.size, at); at < sizes.length; at++) {
      if ((sizes[at] ?? 0) > machine.size) {
        at = firstNoLarger(sizes, machine.size, at);
        if (at >= sizes.length) break;
      }
      step += LOOK;
      const count = machine.mostOf(at);
      if (count === 0) continue;
      machine.take(at, count);
      taken.push({ at, count });
      step++;
      if (machine.size < smallest) break;
    }
    offer();
  };
  /** One less of the smallest, to where what is then left may hold more than that one. */
  const back = (): boolean => {
    for (;;) {
      const last = taken.at(-1);
      if (last === undefined) return false;
      if (keepsLargest && taken.length === 1 && last.count === 1) return false;
      machine.take(last.at, -1);
      at = last.at + 1;
      if (--last.count === 0) taken.pop();
      const next = firstNoLarger(sizes, machine.size, at);
      if (machine.size - (sizes[next] ?? 0) < best && next < sizes.length) return true;
      // One alone is no better than what was seen; two may be.
      at = firstNoLarger(sizes, machine.size - smallest, at);
      if (at < sizes.length) return true;
    }
  };
  for (; step <= steps; step++) {
    down();
    if (isEnough() || !back()) break;
  }
  for (const { at, count } of taken.splice(0)) machine.take(at, -count);
  const [largest] = bestTaken;
  if (keepsLargest && largest !== undefined && !isEnough()) {
    // Two beside the largest may fill what is left better than any that were reached.
    const three = [{ at: largest.at, count: 1 }, ...machine.pairBeside(largest.at)];
    for (const { at, count } of three) {
      if (machine.mostOf(at) < count) continue;
      machine.take(at, count);
      taken.push({ at, count });
    }
    offer();
  }
  for (const { at, count } of taken) machine.take(at, -count);
  work.steps += step;
  return bestTaken.flatMap(({ at, count }) => {
    const choice = choices[at];
    return choice === undefined ? [] : [{ choice, count }];
  });
}

/** Steps that a look at one candidate is. */
const LOOK = 1 / 16;

/** So many of one candidate. */
interface Taken {
  readonly at: number;
  count: number;
}

/** What a machine has left while it is filled, and what is left of the jars. */
class Machine {
  size: number;
  readonly #rooms: Float64Array;
  readonly #candidates: Candidates;
  readonly #left: Int32Array;

  constructor({ rooms, candidates, left, size }: Filling) {
    this.#rooms = Float64Array.from(rooms);
    this.#candidates = candidates;
    this.#left = left;
    this.size = size;
  }

  /** How many more of a candidate there are and fit. */
  mostOf(at: number): number {
    const { groups, needs } = this.#candidates;
    const rooms = this.#rooms;
    let most = this.#left[groups[at] ?? 0] ?? 0;
    for (let room = 0; room < rooms.length && most > 0; room++) {
      const need = needs[at * rooms.length + room] ?? 0;
      const there = rooms[room] ?? 0;
      if (need > 0 && need * most > there) most = Math.floor(there / need);
    }
    return Math.max(0, most);
  }

  /** Takes so many of a candidate; gives them back where that is less than nothing. */
  take(at: number, count: number): void {
    const { groups, needs, sizes } = this.#candidates;
    const rooms = this.#rooms;
    for (let room = 0; room < rooms.length; room++) {
      rooms[room] = (rooms[room] ?? 0) - count * (needs[at * rooms.length + room] ?? 0);
    }
    const group = groups[at] ?? 0;
    this.#left[group] = (this.#left[group] ?? 0) - count;
    this.size -= count * (sizes[at] ?? 0);
  }

  /** The two candidates that together come nearest to what one more of `first` would leave. */
  pairBeside(first: number): Taken[] {
    const { sizes, groups } = this.#candidates;
    const size = this.size - (sizes[first] ?? 0);
    const isThere = (at: number) => (this.#left[groups[at] ?? 0] ?? 0) > 0;
    let best: Taken[] = [];
    let least = Infinity;
    let larger = first + 1;
    let smaller = sizes.length - 1;
    while (larger < smaller) {
      if (!isThere(larger)) larger++;
      else if (!isThere(smaller)) smaller--;
      else {
        const left = size - (sizes[larger] ?? 0) - (sizes[smaller] ?? 0);
        if (left < 0) larger++;
        else {
          if (left < least) {
            least = left;
            best = [{ at: larger, count: 1 }, { at: smaller, count: 1 }];
          }
          smaller--;
        }
      }
    }
    return best;
  }
}

/** The first from `from` on that is no larger than `size`; sizes fall. */
function firstNoLarger(sizes: Float64Array, size: number, from: number): number {
  let low = from;
  let high = sizes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sizes[middle] ?? 0) > size) low = middle + 1;
    else high = middle;
  }
  return low;
}
