import { sum } from "../sum.ts";
import { leastBytes } from "./bound.ts";
import { MOST_ROWS, placeByColumns } from "./columns.ts";
import { fullStock, pack, type Share, type Stock, type Strategy, usedBy } from "./pack.ts";
import type { Problem } from "./problem.ts";
import { MOST_WORK, strategies } from "./strategies.ts";

/** Which machines hold what, and how good that is. */
export interface Solution {
  readonly shares: readonly Share[];
  /** Jars of each group that are placed. */
  readonly placed: readonly number[];
  /** Bytes of the machines that hold something. */
  readonly bytes: number;
  /** Bytes that no placement of the same jars does without. */
  readonly leastBytes: number;
}

/** So near to the bound no better way is looked for: half of what is promised would be one in 100. */
const NEAR = 1.004;

/**
 * Places the most jars on machines of the least bytes in all, as near to that as a second allows: by
 * columns where there are few groups of jars, else by filling machine after machine in several ways.
 */
export function solve(problem: Problem): Solution {
  const { counts } = problem;
  const ways = strategies(problem);
  const best = new Best(problem);
  const work = { steps: 0 };
  const tryWay = (strategy: Strategy) => {
    best.offer(pack(problem, strategy, fullStock(problem, work)));
    return best.isNear();
  };
  const isFew = counts.length + problem.kinds.length <= MOST_ROWS;
  const [first, ...others] = ways;
  if (first !== undefined && tryWay(first)) return best.solution();
  const columns = isFew ? placeByColumns(problem, counts, ways) : undefined;
  if (columns !== undefined) {
    best.offer(columns.shares);
    // The bound is that of all jars: where some aren't placed, it is looked for anew.
    const isWhole = best.placed.every((count, group) => count === counts[group]);
    const again = isWhole ? columns : placeByColumns(problem, best.placed, ways);
    if (!isWhole && again !== undefined) best.offer(again.shares);
    best.raise(again?.leastBytes ?? 0);
  }
  for (const strategy of others) {
    if (best.isNear() || work.steps > MOST_WORK) break;
    tryWay(strategy);
  }
  if (!isFew && first !== undefined) leaveLargest(problem, first, best);
  return best.solution();
}

/** Tries of how many jars must be left out. */
const LEAVING_TRIES = 4;

/**
 * Where there isn't room for all jars of many sizes: as few of the largest as possible are left out
 * first, since they take the room of several others.
 */
function leaveLargest(problem: Problem, strategy: Strategy, best: Best): void {
  const largest = largestFirst(problem);
  let enough = sum(problem.counts) - sum(best.placed);
  let tooFew = 0;
  for (let left = 0; left < LEAVING_TRIES && enough - tooFew > 1; left++) {
    const out = left === 0 ? enough : Math.floor((enough + tooFew) / 2);
    const stock = fullStock(problem, { steps: 0 });
    const kept = stock.jars.slice();
    let leaving = out;
    for (const group of largest) {
      const count = Math.min(leaving, kept[group] ?? 0);
      stock.jars[group] = (kept[group] ?? 0) - count;
      leaving -= count;
    }
    const shares = pack(problem, strategy, stock);
    const isWhole = largest.every((group) => stock.jars[group] === 0);
    const placed = placedBy(shares, problem);
    for (const [group, count] of problem.counts.entries()) {
      stock.jars[group] = count - (placed[group] ?? 0);
    }
    best.offer([...shares, ...pack(problem, strategy, stock)]);
    if (isWhole) enough = out;
    else if (left === 0) return;
    else tooFew = out;
  }
}

/** Groups that can be placed by what one of their jars takes of all that there is, the largest first. */
function largestFirst({ kinds, counts }: Problem): number[] {
  const rooms = Math.max(0, ...kinds.map((kind) => kind.rooms.length));
  const all = Array.from(
    { length: rooms },
    (_, room) => sum(kinds.map((kind) => kind.count * Math.max(0, kind.rooms[room] ?? 0))),
  );
  const takes = counts.map(() => Infinity);
  for (const { group, needs } of kinds.flatMap(({ choices }) => choices)) {
    const share = sum(
      needs.map((need, room) => room === 1 ? 0 : need / Math.max(1, all[room] ?? 0)),
    );
    takes[group] = Math.min(takes[group] ?? Infinity, share);
  }
  return counts.map((_, group) => group).filter((group) => takes[group] !== Infinity)
    .toSorted((a, b) => (takes[b] ?? 0) - (takes[a] ?? 0));
}

/** The best shares so far, and what is known of the best there can be. */
class Best {
  readonly #problem: Problem;
  #shares: readonly Share[] = [];
  #placed: readonly number[];
  #bytes = 0;
  #least = 0;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#placed = problem.counts.map(() => 0);
  }

  get placed(): readonly number[] {
    return this.#placed;
  }

  /** Takes shares that place more jars, or the same number on fewer bytes or machines. */
  offer(offered: readonly Share[]): void {
    const shares = equalTogether(onSmallerMachines(this.#problem, offered));
    const placed = placedBy(shares, this.#problem);
    const bytes = bytesOf(shares, this.#problem);
    const [now, before] = [sum(placed), sum(this.#placed)];
    const machines = (of: readonly Share[]) => sum(of.map(({ count }) => count));
    const isBetter = now > before || (now === before &&
      (bytes < this.#bytes ||
        (bytes === this.#bytes && machines(shares) < machines(this.#shares))));
    if (!isBetter) return;
    const isSame = placed.every((count, group) => count === this.#placed[group]);
    this.#shares = shares;
    this.#placed = placed;
    this.#bytes = bytes;
    if (!isSame) this.#least = leastBytes(this.#problem, placed, bytes);
  }

  /** A bound for what is placed that was found elsewhere. */
  raise(bytes: number): void {
    this.#least = Math.max(this.#least, bytes);
  }

  /** Whether all jars are placed, and nearly as well as can be. */
  isNear(): boolean {
    return this.#bytes <= this.#least * NEAR &&
      this.#placed.every((count, group) => count === this.#problem.counts[group]);
  }

  solution(): Solution {
    return {
      shares: this.#shares,
      placed: this.#placed,
      bytes: this.#bytes,
      leastBytes: this.#least,
    };
  }
}

function placedBy(shares: readonly Share[], { counts }: Problem): number[] {
  const placed = counts.map(() => 0);
  for (const { count, picks } of shares) {
    for (const [group, each] of usedBy(picks)) placed[group] = (placed[group] ?? 0) + each * count;
  }
  return placed;
}

function bytesOf(shares: readonly Share[], { kinds }: Problem): number {
  return sum(shares.map(({ kind, count }) => count * (kinds[kind]?.bytes ?? 0)));
}

/** The same jars on machines of fewer bytes, where such are left and hold them. */
function onSmallerMachines(problem: Problem, shares: readonly Share[]): Share[] {
  const { kinds } = problem;
  const left = kinds.map(({ count }, kind) =>
    count - sum(shares.map((share) => share.kind === kind ? share.count : 0))
  );
  const bytes = (kind: number) => kinds[kind]?.bytes ?? 0;
  const smallest = kinds.map((_, kind) => kind).toSorted((a, b) => bytes(a) - bytes(b));
  return shares.flatMap((share): Share[] => {
    const moved: Share[] = [];
    let { count } = share;
    for (const kind of smallest) {
      const most = Math.min(count, left[kind] ?? 0);
      if (bytes(kind) >= bytes(share.kind) || most === 0) continue;
      const picks = heldBy(problem, kind, share);
      if (picks === undefined) continue;
      moved.push({ kind, count: most, picks });
      left[kind] = (left[kind] ?? 0) - most;
      left[share.kind] = (left[share.kind] ?? 0) + most;
      count -= most;
    }
    return count === 0 ? moved : [...moved, { ...share, count }];
  });
}

/** Shares of one kind that hold the same as one, what each holds in the order of the groups. */
function equalTogether(shares: readonly Share[]): Share[] {
  const known = new Map<string, Share>();
  for (const { kind, count, picks } of shares) {
    const sorted = picks.toSorted((a, b) =>
      a.choice.group - b.choice.group || a.choice.way - b.choice.way
    );
    const held = sorted.map(({ choice: { group, way }, count }) => `${group}/${way}*${count}`);
    const key = `${kind} ${held.join(" ")}`;
    known.set(key, { kind, picks: sorted, count: count + (known.get(key)?.count ?? 0) });
  }
  return [...known.values()];
}

/** Steps of the search whether a smaller machine holds the same. */
const HOLDING_STEPS = 1000;

/** How one machine of a kind holds the jars of a share, if it does. */
function heldBy(problem: Problem, kind: number, { picks }: Share): Share["picks"] | undefined {
  const stock: Stock = {
    jars: new Int32Array(problem.counts.length),
    machines: new Int32Array(problem.kinds.length),
    work: { steps: 0 },
  };
  for (const [group, count] of usedBy(picks)) stock.jars[group] = count;
  stock.machines[kind] = 1;
  const groups = new Set(usedBy(picks).keys());
  const alone = problem.kinds.map((rooms, index) =>
    index === kind
      ? { ...rooms, choices: rooms.choices.filter(({ group }) => groups.has(group)) }
      : { ...rooms, choices: [] }
  );
  const strategy = { ramWeight: 0, steps: HOLDING_STEPS, spare: 0 };
  const [held] = pack({ ...problem, kinds: alone }, strategy, stock);
  return stock.jars.every((count) => count === 0) ? held?.picks : undefined;
}
