import { roundUp } from "./bound.ts";
import type { Pick } from "./fill_room.ts";
import { mostHeld } from "./knapsack.ts";
import { fullStock, pack, type Share, type Strategy, takeOff, timesIn, usedBy } from "./pack.ts";
import type { Problem } from "./problem.ts";
import { type Column, Simplex } from "./simplex.ts";

/** A machine of a kind and what it holds, as a column. */
interface Filled extends Column {
  readonly kind: number;
  readonly picks: readonly Pick[];
}

/** Rows up to which this is quick: their square is gone through at each step. */
export const MOST_ROWS = 160;

/** Steps after which the bound that was found is taken, whatever is left. */
const MOST_STEPS = 600;

/** Steps of the search for one column, and of that which shows that none is missing. */
const SEARCH_STEPS = 2_000;
const LAST_SEARCH_STEPS = 40_000;

/** How often that is looked for. */
const MOST_LAST_SEARCHES = 8;

/** What columns come to. */
export interface ByColumns {
  readonly shares: readonly Share[];
  /** Bytes of machines that no placement of all these jars does without. */
  readonly leastBytes: number;
}

/**
 * Places few groups of many jars by Gilmore and Gomory's way: machines are taken in parts, such that
 * all jars are placed at the least cost; what a jar then costs tells which filled machine is still
 * missing, until none is. That cost is a bound, nearly what whole machines come to; machines are then
 * taken whole as often as their part says, and what is left is packed.
 *
 * @param counts jars of each group that are placed; they all can be
 * @returns nothing where there are too many groups
 */
export function placeByColumns(
  problem: Problem,
  counts: readonly number[],
  strategies: readonly Strategy[],
): ByColumns | undefined {
  const { kinds } = problem;
  const groups = counts.flatMap((count, group) => count > 0 ? [group] : []);
  const rows = groups.length + kinds.length;
  if (rows > MOST_ROWS) return undefined;
  const rowOf = new Map(groups.map((group, row) => [group, row]));
  const unit = Math.max(...kinds.map(({ bytes }) => bytes));
  const simplex = new Simplex(
    [
      // A jar that isn't placed costs more than a machine of its own.
      ...groups.map((_, row): Column => ({ cost: 4, entries: [[row, 1]] })),
      ...kinds.map((_, kind): Column => ({ cost: 0, entries: [[groups.length + kind, 1]] })),
    ],
    [...groups.map((group) => counts[group] ?? 0), ...kinds.map(({ count }) => count)],
  );
  let least = 0;
  let steps = SEARCH_STEPS;
  let lastSearches = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const prices = simplex.prices();
    const idle = idleColumn(prices, groups.length);
    if (idle !== undefined) {
      if (!simplex.enter(idle)) break;
      continue;
    }
    const worth = counts.map((_, group) => {
      const row = rowOf.get(group);
      return row === undefined ? 0 : Math.max(0, prices[row] ?? 0);
    });
    let bound = groups.reduce((sum, group) => sum + (worth[group] ?? 0) * (counts[group] ?? 0), 0);
    let entering: Filled | undefined;
    let mostSaved = 1e-7;
    for (const [kind, rooms] of kinds.entries()) {
      const cost = rooms.bytes / unit;
      const held = mostHeld(rooms, worth, counts, steps);
      bound -= rooms.count * Math.max(0, held.most - cost);
      const saved = held.worth - cost + (prices[groups.length + kind] ?? 0);
      if (saved <= mostSaved) continue;
      mostSaved = saved;
      const entries = [...usedBy(held.picks)].map(([group, count]) =>
        [rowOf.get(group) ?? 0, count] as const
      );
      entering = {
        kind,
        picks: held.picks,
        cost,
        entries: [...entries, [groups.length + kind, 1] as const],
      };
    }
    least = Math.max(least, bound);
    if (entering !== undefined) {
      if (!simplex.enter(entering)) break;
      steps = SEARCH_STEPS;
    } else if (steps === SEARCH_STEPS && lastSearches++ < MOST_LAST_SEARCHES) {
      steps = LAST_SEARCH_STEPS;
    } else break;
  }
  const filled = simplex.taken().flatMap(({ column, amount }) =>
    isFilled(column) ? [{ column, amount }] : []
  );
  return {
    shares: wholeMachines(problem, counts, filled, strategies),
    leastBytes: roundUp(least * unit, problem),
  };
}

function isFilled(column: Column): column is Filled {
  return "picks" in column;
}

/** A row that has too much, or a machine that stays empty, where that saves something. */
function idleColumn(prices: Float64Array, groups: number): Column | undefined {
  for (const [row, price] of prices.entries()) {
    if (row < groups && price < -1e-9) return { cost: 0, entries: [[row, -1]] };
    if (row >= groups && price > 1e-9) return { cost: 0, entries: [[row, 1]] };
  }
  return undefined;
}

/** Whole machines of those that are taken in parts, the parts that are left packed by the best way. */
function wholeMachines(
  problem: Problem,
  counts: readonly number[],
  filled: readonly { readonly column: Filled; readonly amount: number }[],
  strategies: readonly Strategy[],
): Share[] {
  const stock = fullStock({ ...problem, counts }, { steps: 0 });
  const shares: Share[] = [];
  const place = ({ kind, picks }: Filled, most: number) => {
    const count = Math.min(most, timesIn(stock, kind, picks));
    if (count === 0) return;
    const share = { kind, picks, count };
    takeOff(stock, share);
    shares.push(share);
  };
  for (const { column, amount } of filled) place(column, Math.floor(amount + 1e-6));
  const byPart = filled.toSorted((a, b) => (b.amount % 1) - (a.amount % 1));
  for (const { column, amount } of byPart) if (amount % 1 > 1e-6) place(column, 1);
  let best: readonly Share[] | undefined;
  let bestBytes = Infinity;
  for (const strategy of strategies) {
    const rest = { jars: stock.jars.slice(), machines: stock.machines.slice(), work: stock.work };
    const packed = pack(problem, strategy, rest);
    const bytes = packed.reduce(
      (sum, { kind, count }) => sum + count * (problem.kinds[kind]?.bytes ?? 0),
      0,
    );
    const isWhole = rest.jars.every((count) => count === 0);
    if (best === undefined || (isWhole && bytes < bestBytes)) {
      best = packed;
      bestBytes = isWhole ? bytes : Infinity;
    }
  }
  return [...shares, ...best ?? []];
}
