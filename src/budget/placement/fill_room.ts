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
  return {
    choices: sized.map(({ choice }) => choice),
    sizes: Float64Array.from(sized, ({ size }) => size),
  };
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
  const { candidates: { choices, sizes }, left, keepsLargest, steps } = filling;
  const rooms = [...filling.rooms];
  const taken: { at: number; count: number }[] = [];
  const smallest = sizes[sizes.length - 1] ?? 0;
  let size = filling.size;
  let best = Infinity;
  let bestTaken: readonly { readonly at: number; readonly count: number }[] = [];

  const take = (at: number, count: number) => {
    const choice = choices[at];
    if (choice === undefined) return;
    for (let room = 0; room < rooms.length; room++) {
      rooms[room] = (rooms[room] ?? 0) - count * (choice.needs[room] ?? 0);
    }
    left[choice.group] = (left[choice.group] ?? 0) - count;
    size -= count * (sizes[at] ?? 0);
  };
  /** How many more of a choice there are and fit. */
  const mostOf = (at: number): number => {
    const choice = choices[at];
    if (choice === undefined) return 0;
    let most = left[choice.group] ?? 0;
    for (let room = 0; room < rooms.length && most > 0; room++) {
      const need = choice.needs[room] ?? 0;
      if (need > 0) most = Math.min(most, Math.floor((rooms[room] ?? 0) / need));
    }
    return Math.max(0, most);
  };

  let at = 0;
  for (let step = 0; step <= steps; step++) {
    // Down: as many of each as fit.
    for (at = firstNoLarger(sizes, size, at); at < sizes.length; at++) {
      if ((sizes[at] ?? 0) > size) {
        at = firstNoLarger(sizes, size, at);
        if (at >= sizes.length) break;
      }
      const count = mostOf(at);
      if (count === 0) continue;
      take(at, count);
      taken.push({ at, count });
      step++;
      if (size < smallest) break;
    }
    if (size < best) {
      best = size;
      bestTaken = taken.map((one) => ({ ...one }));
      if (best <= filling.size * filling.spare) break;
    }
    // Back: one less of the smallest, to where what is then left may hold more than that one.
    for (;;) {
      const last = taken.at(-1);
      if (last === undefined || (keepsLargest && taken.length === 1 && last.count === 1)) {
        step = steps;
        break;
      }
      take(last.at, -1);
      at = last.at + 1;
      if (--last.count === 0) taken.pop();
      const next = firstNoLarger(sizes, size, at);
      if (size - (sizes[next] ?? 0) < best && next < sizes.length) break;
      // One alone is no better than what was seen; two may be.
      at = firstNoLarger(sizes, size - smallest, at);
      if (at < sizes.length) break;
    }
  }
  for (const { at, count } of taken) take(at, -count);
  return bestTaken.flatMap(({ at, count }) => {
    const choice = choices[at];
    return choice === undefined ? [] : [{ choice, count }];
  });
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
