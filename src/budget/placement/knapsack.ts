import { type Pick, sizeOf } from "./fill_room.ts";
import type { Choice, Rooms } from "./problem.ts";

/** The most that one machine may hold, by what jars are worth. */
export interface MostHeld {
  readonly picks: readonly Pick[];
  /** What those are worth. */
  readonly worth: number;
  /** What no other jars on it are worth more than: the same where the search came to its end. */
  readonly most: number;
}

/** One choice, and what decides whether it is taken. */
interface Item {
  readonly choice: Choice;
  readonly worth: number;
}

/** The same with what it takes of all rooms, as weights count them together. */
interface SizedItem extends Item {
  readonly size: number;
}

/** What weights are changed by while the best are looked for. */
const FACTORS = [8, 2, 1.25, 1.05] as const;

/**
 * The jars that are worth the most in one machine: branch and bound over how many of each, those
 * worth most for their size first. The bound is what a machine would be worth that takes jars in
 * parts and counts its rooms together, by the weights that make it least.
 *
 * @param worth of a jar of each group, not negative
 * @param counts jars of each group
 * @param steps of the search, after which what was found counts
 */
export function mostHeld(
  { rooms, choices }: Rooms,
  worth: readonly number[],
  counts: readonly number[],
  steps: number,
): MostHeld {
  const items = choices.map((choice): Item => ({ choice, worth: worth[choice.group] ?? 0 }))
    .filter((item) => item.worth > 0);
  const weights = leastWeights(rooms, items, counts);
  const byWorth = sized(items, weights);
  const size = sizeOf(rooms, weights);
  const search = new Search({ rooms, items: byWorth, counts, steps });
  search.from(0, 0, size);
  if (search.isWhole) return { ...search.found(), most: search.best };
  // Where all are worth about the same for their size, small ones must come last to fill what is left.
  const largestFirst = byWorth.toSorted((a, b) => b.size - a.size);
  const bySize = new Search({ rooms, items: largestFirst, counts, steps, best: search.best });
  bySize.from(0, 0, size);
  const found = bySize.best > search.best ? bySize.found() : search.found();
  if (bySize.isWhole) return { ...found, most: found.worth };
  const atMost = Math.min(inParts(rooms, items, counts, weights), byCells(rooms, items));
  return { ...found, most: Math.max(found.worth, atMost) };
}

/** Cells that RAM is cut into. */
const CELLS = 4096;

/**
 * What a machine is worth at most whose jars need whole cells of its RAM, each a little less than it
 * does, by what every number of cells is worth; as many of each as fit.
 */
function byCells([ram = 0]: readonly number[], items: readonly Item[]): number {
  if (ram <= 0) return 0;
  const most = new Float64Array(CELLS + 1);
  for (const { choice: { needs: [need = 0] }, worth } of items) {
    const cells = Math.floor((need / ram) * CELLS);
    if (cells === 0) return Infinity;
    for (let at = cells; at <= CELLS; at++) {
      const held = (most[at - cells] ?? 0) + worth;
      if (held > (most[at] ?? 0)) most[at] = held;
    }
  }
  return most[CELLS] ?? 0;
}

/** Items by how much they are worth for their size. */
function sized(items: readonly Item[], weights: readonly number[]): SizedItem[] {
  return items.map((item) => ({ ...item, size: sizeOf(item.choice.needs, weights) }))
    .toSorted((a, b) => b.worth * a.size - a.worth * b.size);
}

/** What a machine is worth that takes the last jar in part. */
function inParts(
  rooms: readonly number[],
  items: readonly Item[],
  counts: readonly number[],
  weights: readonly number[],
): number {
  let left = sizeOf(rooms, weights);
  let worth = 0;
  for (const { choice: { group }, worth: each, size } of sized(items, weights)) {
    const count = Math.min(counts[group] ?? 0, size > 0 ? left / size : Infinity);
    worth += count * each;
    left -= count * size;
    if (left <= 0) break;
  }
  return worth;
}

/** Weights of rooms by which such a machine is worth the least, looked for room by room. */
function leastWeights(
  rooms: readonly number[],
  items: readonly Item[],
  counts: readonly number[],
): number[] {
  // The floors that the watch looks at decide nothing where RAM does.
  const even = rooms.map((room, index) => index === 1 || room <= 0 ? 0 : 1 / room);
  const counted = rooms.flatMap((_, room) => (even[room] ?? 0) > 0 ? [room] : []);
  if (counted.length < 2) return even;
  let weights = even;
  let least = inParts(rooms, items, counts, weights);
  for (const factor of FACTORS) {
    for (const room of counted) {
      for (const by of [factor, 1 / factor]) {
        for (;;) {
          const tried = weights.map((weight, index) => index === room ? weight * by : weight);
          const worth = inParts(rooms, items, counts, tried);
          if (worth >= least * (1 - 1e-9)) break;
          [weights, least] = [tried, worth];
        }
      }
    }
  }
  return weights;
}

/** What is searched. */
interface Searched {
  readonly rooms: readonly number[];
  readonly items: readonly SizedItem[];
  readonly counts: readonly number[];
  /** After which it ends. */
  readonly steps: number;
  /** What must be beaten. */
  readonly best?: number;
}

/** One search, whose steps are counted. */
class Search {
  best: number;
  #taken: number[] = [];
  #bestTaken: readonly number[] = [];
  #steps = 0;
  readonly #mostSteps: number;
  readonly #left: number[];
  readonly #jars: number[];
  readonly #items: readonly SizedItem[];
  /** The most that an item from here on is worth for its size. */
  readonly #mostForSize: Float64Array;

  constructor({ rooms, items, counts, steps, best = 0 }: Searched) {
    this.best = best;
    this.#mostSteps = steps;
    this.#left = [...rooms];
    this.#jars = [...counts];
    this.#items = items;
    this.#mostForSize = new Float64Array(items.length);
    let most = 0;
    for (let at = items.length - 1; at >= 0; at--) {
      const { worth, size } = items[at] ?? { worth: 0, size: 1 };
      most = Math.max(most, worth / size);
      this.#mostForSize[at] = most;
    }
  }

  /** Whether it came to its end. */
  get isWhole(): boolean {
    return this.#steps <= this.#mostSteps;
  }

  found(): Omit<MostHeld, "most"> {
    const picks = this.#bestTaken.flatMap((count, at) => {
      const choice = this.#items[at]?.choice;
      return choice === undefined || count === 0 ? [] : [{ choice, count }];
    });
    return { picks, worth: this.best };
  }

  /** Goes on with an item, so much being held and so much of all rooms left. */
  from(at: number, held: number, size: number): void {
    if (held > this.best) {
      this.best = held;
      this.#bestTaken = [...this.#taken];
    }
    const item = this.#items[at];
    if (item === undefined || this.#steps++ > this.#mostSteps) return;
    if (held + size * (this.#mostForSize[at] ?? 0) <= this.best * (1 + 1e-12)) return;
    const { choice } = item;
    let count = this.#most(choice);
    this.#take(choice, count);
    for (; count >= 0; count--) {
      this.#taken[at] = count;
      this.from(at + 1, held + count * item.worth, size - count * item.size);
      if (count > 0) this.#take(choice, -1);
    }
    this.#taken.length = at;
  }

  #most({ group, needs }: Choice): number {
    let count = this.#jars[group] ?? 0;
    for (let room = 0; room < this.#left.length; room++) {
      const need = needs[room] ?? 0;
      if (need > 0) count = Math.min(count, Math.floor((this.#left[room] ?? 0) / need));
    }
    return count;
  }

  #take({ group, needs }: Choice, times: number): void {
    for (let room = 0; room < this.#left.length; room++) {
      this.#left[room] = (this.#left[room] ?? 0) - times * (needs[room] ?? 0);
    }
    this.#jars[group] = (this.#jars[group] ?? 0) - times;
  }
}
