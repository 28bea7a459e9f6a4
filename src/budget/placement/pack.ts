import {
  type Candidates,
  candidatesOf,
  fillRoom,
  type Pick,
  sizeOf,
  withoutGone,
  type Work,
} from "./fill_room.ts";
import { type Choice, FIRST_DEVICE, type Problem, type Rooms } from "./problem.ts";

/** Machines of one kind that hold the same. */
export interface Share {
  /** Which kind. */
  readonly kind: number;
  /** How many of them. */
  readonly count: number;
  /** What each of them holds. */
  readonly picks: readonly Pick[];
}

/** One machine, and what it holds. */
type Filled = Omit<Share, "count">;

/** A way to go through the machines. */
export interface Strategy {
  /** In which order the kinds are filled; what fills best for its bytes first where it is absent. */
  readonly order?: readonly number[];
  /** What RAM counts for in the order of jars on devices, where a device counts 1. */
  readonly ramWeight: number;
  /** Steps of the search for each machine. */
  readonly steps: number;
  /**
   * What may be left of a machine without a further search, in shares of it: who is content with
   * less keeps small jars for later, which fill what large ones leave.
   */
  readonly spare: number;
  /**
   * What a byte of a device counts for beside one of RAM, where jars with a choice first go where they
   * take less by that; absent where they fill what others leave.
   */
  readonly deviceWorth?: number;
}

/** Candidates for one part of a machine, and the weights that they are ordered by. */
interface Stage {
  candidates: Candidates;
  readonly weights: readonly number[];
}

/** Machines and jars while they are brought together. */
export interface Stock {
  /** Jars left of each group. */
  readonly jars: Int32Array;
  /** Machines left of each kind. */
  readonly machines: Int32Array;
  /** What was searched so far. */
  readonly work: Work;
}

/** All jars and all machines. */
export function fullStock({ counts, kinds }: Problem, work: Work): Stock {
  return {
    work,
    jars: Int32Array.from(counts),
    machines: Int32Array.from(kinds, ({ count }) => count),
  };
}

/**
 * Fills one machine after another, and says which hold what. First those that a jar needs for its
 * device, then the others, machines without devices first, until no jar is left or none fits. What a
 * machine holds is repeated as long as there are such jars and such machines.
 *
 * @param stock what is there; what is placed is taken off
 */
export function pack(problem: Problem, strategy: Strategy, stock: Stock): Share[] {
  const { deviceWorth } = strategy;
  if (deviceWorth === undefined) return packOnce(problem, strategy, stock);
  const first = packOnce(settled(problem, deviceWorth), strategy, stock);
  return [...first, ...packOnce(problem, strategy, stock)];
}

/** The same problem where jars with a choice have none any more. */
function settled(problem: Problem, deviceWorth: number): Problem {
  const cost = ({ needs }: Choice) =>
    needs.reduce((sum, need, room) => {
      if (room === 0) return sum + need;
      return room < FIRST_DEVICE ? sum : sum + need * deviceWorth;
    }, 0);
  const isOnDevice = ({ needs }: Choice) =>
    needs.some((need, room) => room >= FIRST_DEVICE && need > 0);
  const least = problem.counts.map(() => ({ on: Infinity, without: Infinity }));
  for (const choice of problem.kinds.flatMap(({ choices }) => choices)) {
    const known = least[choice.group];
    if (known === undefined) continue;
    if (isOnDevice(choice)) known.on = Math.min(known.on, cost(choice));
    else known.without = Math.min(known.without, cost(choice));
  }
  const goesOn = least.map(({ on, without }) => on < without);
  return {
    ...problem,
    needsDevice: goesOn,
    kinds: problem.kinds.map((kind) => ({
      ...kind,
      choices: kind.choices.filter((choice) => goesOn[choice.group] === isOnDevice(choice)),
    })),
  };
}

/** The same with jars that have a choice wherever there is room first. */
function packOnce(problem: Problem, strategy: Strategy, stock: Stock): Share[] {
  const { kinds, needsDevice } = problem;
  const stages = kinds.map((kind) => stagesOf(kind, problem, strategy));
  const shares: Share[] = [];
  const fill = (kind: number) => fillMachine(kinds[kind], stages[kind] ?? [], stock, strategy);
  const place = (kind: number, picks: readonly Pick[]) => {
    const count = timesIn(stock, kind, picks);
    takeOff(stock, { kind, count, picks });
    shares.push({ kind, count, picks });
  };
  const order = strategy.order ?? kinds.map((_, kind) => kind);
  const withDevices = order.filter((kind) => hasDevices(kinds[kind]));
  const without = order.filter((kind) => !hasDevices(kinds[kind]));

  const next = (among: readonly number[], isWanted: (picks: readonly Pick[]) => boolean) => {
    const found: Filled[] = [];
    for (const kind of among) {
      if ((stock.machines[kind] ?? 0) === 0) continue;
      const picks = fill(kind);
      if (picks.length === 0 || !isWanted(picks)) continue;
      if (strategy.order !== undefined) return { kind, picks };
      found.push({ kind, picks });
    }
    return mostWorth(found, problem);
  };
  const fillAll = (among: readonly number[], isWanted: (picks: readonly Pick[]) => boolean) => {
    for (let filled = next(among, isWanted); filled; filled = next(among, isWanted)) {
      place(filled.kind, filled.picks);
    }
  };
  fillAll(withDevices, (picks) => picks.some(({ choice }) => needsDevice[choice.group]));
  fillAll(without, () => true);
  fillAll(withDevices, () => true);
  return shares;
}

/** Whether machines of a kind have any device. */
export function hasDevices(kind: Rooms | undefined): boolean {
  return (kind?.rooms.length ?? 0) > FIRST_DEVICE;
}

/** The one that holds the most for its bytes. */
function mostWorth(found: readonly Filled[], { kinds }: Problem): Filled | undefined {
  let best: Filled | undefined;
  let most = -1;
  for (const one of found) {
    const bytes = kinds[one.kind]?.bytes ?? 1;
    const held = one.picks.reduce(
      (sum, { choice: { needs }, count }) =>
        sum + count * needs.reduce((all, need, room) => room === 1 ? all : all + need, 0),
      0,
    );
    if (held / bytes > most) [best, most] = [one, held / bytes];
  }
  return best;
}

/**
 * What is filled one after another in a machine: its devices, first with jars that need one, then
 * with those that may have one; then its RAM.
 */
function stagesOf(
  { rooms, choices }: Rooms,
  { needsDevice }: Problem,
  { ramWeight }: Strategy,
): Stage[] {
  const devices = rooms.slice(FIRST_DEVICE).map((_, device) => FIRST_DEVICE + device);
  const onDevices = (choice: Choice) => devices.filter((room) => (choice.needs[room] ?? 0) > 0);
  const stage = (isIn: (choice: Choice) => boolean, weights: readonly number[]): Stage => ({
    candidates: candidatesOf(choices.filter(isIn), weights),
    weights,
  });
  const only = (room: number, ram: number) =>
    rooms.map((_, other) => other === room ? 1 : other === 0 ? ram : 0);
  const all = rooms.map((_, room) => room >= FIRST_DEVICE ? 1 : 0);
  const perDevice = devices.flatMap((room) => {
    const isHere = (choice: Choice) =>
      onDevices(choice).length === 1 && onDevices(choice)[0] === room;
    const ratio = (rooms[room] ?? 0) / Math.max(1, rooms[0] ?? 0);
    const weights = only(room, ramWeight * ratio);
    return [
      stage((choice) => isHere(choice) && needsDevice[choice.group] === true, weights),
      stage((choice) => isHere(choice) && needsDevice[choice.group] !== true, weights),
    ];
  });
  return [
    ...devices.length > 1 ? [stage((choice) => onDevices(choice).length > 1, all)] : [],
    ...perDevice,
    stage(
      (choice) => onDevices(choice).length === 0,
      only(0, 0).map((_, room) => room === 0 ? 1 : 0),
    ),
  ].filter(({ candidates }) => candidates.choices.length > 0);
}

/** Fills an empty machine; what it holds is still among the jars that are left. */
function fillMachine(
  kind: Rooms | undefined,
  stages: readonly Stage[],
  { jars, work }: Stock,
  { steps, spare }: Strategy,
): Pick[] {
  const rooms = [...kind?.rooms ?? []];
  const picks: Pick[] = [];
  for (const stage of stages) {
    dropGone(stage, jars);
    const found = fillRoom({
      candidates: stage.candidates,
      left: jars,
      rooms,
      size: sizeOf(rooms, stage.weights),
      keepsLargest: picks.length === 0,
      steps,
      spare,
      work,
    });
    for (const pick of found) {
      jars[pick.choice.group] = (jars[pick.choice.group] ?? 0) - pick.count;
      for (let room = 0; room < rooms.length; room++) {
        rooms[room] = (rooms[room] ?? 0) - pick.count * (pick.choice.needs[room] ?? 0);
      }
    }
    picks.push(...found);
  }
  for (const { choice, count } of picks) jars[choice.group] = (jars[choice.group] ?? 0) + count;
  return picks;
}

/** Leaves out what there is none left of, once that is half of the candidates. */
function dropGone(stage: Stage, jars: Int32Array): void {
  const { groups } = stage.candidates;
  let there = 0;
  for (const group of groups) if ((jars[group] ?? 0) > 0) there++;
  if (there * 2 <= groups.length) stage.candidates = withoutGone(stage.candidates, jars);
}

/** How often these picks are there, on as many machines of a kind. */
export function timesIn(
  { jars, machines }: Stock,
  kind: number,
  picks: readonly Pick[],
): number {
  const used = usedBy(picks);
  let times = machines[kind] ?? 0;
  for (const [group, count] of used) {
    times = Math.min(times, Math.floor((jars[group] ?? 0) / count));
  }
  return times;
}

/** Jars of each group among picks. */
export function usedBy(picks: readonly Pick[]): ReadonlyMap<number, number> {
  const used = new Map<number, number>();
  for (const { choice: { group }, count } of picks) {
    used.set(group, (used.get(group) ?? 0) + count);
  }
  return used;
}

/** Takes what a share holds off what is there. */
export function takeOff({ jars, machines }: Stock, { kind, count, picks }: Share): void {
  machines[kind] = (machines[kind] ?? 0) - count;
  for (const [group, each] of usedBy(picks)) {
    jars[group] = (jars[group] ?? 0) - each * count;
  }
}
