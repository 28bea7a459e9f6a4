import { type Pick, sizeOf } from "./fill_room.ts";
import { type Choice, FIRST_DEVICE, type Rooms } from "./problem.ts";

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
  readonly size: number;
}

/** Steps of one search. */
const MOST_STEPS = 20_000;

/**
 * The jars that are worth the most in one machine: branch and bound over how many of each, those
 * worth most for their size first. The bound is what a machine would be worth that takes jars in
 * parts and counts its rooms as one.
 *
 * @param worth of a jar of each group, not negative
 * @param counts jars of each group
 */
export function mostHeld(
  { rooms, choices }: Rooms,
  worth: readonly number[],
  counts: readonly number[],
): MostHeld {
  const weights = rooms.map((room, index) =>
    index === 1 || room <= 0 || (index === 0 && rooms.length > FIRST_DEVICE && room <= 0)
      ? 0
      : 1 / room
  );
  const items = choices.map((choice): Item => ({
    choice,
    worth: worth[choice.group] ?? 0,
    size: sizeOf(choice.needs, weights),
  })).filter((item) => item.worth > 0)
    .toSorted((a, b) => b.worth / b.size - a.worth / a.size);
  const left = [...rooms];
  const jars = [...counts];
  let best = 0;
  let bestTaken: readonly number[] = [];
  let steps = 0;
  const taken: number[] = [];

  const search = (at: number, held: number, size: number): void => {
    if (held > best) {
      best = held;
      bestTaken = [...taken];
    }
    const item = items[at];
    if (item === undefined || steps++ > MOST_STEPS) return;
    if (held + (size * item.worth) / item.size <= best * (1 + 1e-12)) return;
    const { needs, group } = item.choice;
    let count = jars[group] ?? 0;
    for (let room = 0; room < left.length; room++) {
      const need = needs[room] ?? 0;
      if (need > 0) count = Math.min(count, Math.floor((left[room] ?? 0) / need));
    }
    const take = (times: number) => {
      for (let room = 0; room < left.length; room++) {
        left[room] = (left[room] ?? 0) - times * (needs[room] ?? 0);
      }
      jars[group] = (jars[group] ?? 0) - times;
    };
    take(count);
    for (; count >= 0; count--) {
      taken[at] = count;
      search(at + 1, held + count * item.worth, size - count * item.size);
      if (count > 0) take(-1);
    }
    taken.length = at;
  };
  const [first] = items;
  const whole = sizeOf(rooms, weights);
  search(0, 0, whole);
  const atMost = first === undefined ? 0 : (whole * first.worth) / first.size;
  return {
    picks: bestTaken.flatMap((count, at) => {
      const choice = items[at]?.choice;
      return choice === undefined || count === 0 ? [] : [{ choice, count }];
    }),
    worth: best,
    most: steps > MOST_STEPS ? atMost : best,
  };
}
