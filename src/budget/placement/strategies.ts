import { sum } from "../sum.ts";
import { hasDevices, type Strategy } from "./pack.ts";
import { FIRST_DEVICE, type Problem } from "./problem.ts";

/** Steps of the search for one machine, where there aren't so many that they would be too much. */
const STEPS = 1000;

/** What may be left of a machine without a further search; which is best depends on the jars. */
const SPARES = [1 / 64, 0, 1 / 16, 1 / 512] as const;

/** What a byte of a device may count for beside one of RAM. */
const DEVICE_WORTHS = [0.75, 1, 0.5, 1.5] as const;

/** Steps of all searches together, some half a microsecond each. */
export const MOST_WORK = 1_200_000;

/** Tries that this is enough for whatever they take. */
const FULL_TRIES = 3;

/** Steps for one machine where there are many. */
const FEWEST_STEPS = 60;

/** How many machines there will be, as far as the jars' RAM tells. */
function likelyMachines({ kinds, counts }: Problem): number {
  const ram = counts.map(() => Infinity);
  for (const { group, needs: [need = 0] } of kinds.flatMap(({ choices }) => choices)) {
    ram[group] = Math.min(ram[group] ?? Infinity, need);
  }
  const all = sum(counts.map((count, group) => {
    const need = ram[group] ?? Infinity;
    return need === Infinity ? 0 : count * need;
  }));
  const room = Math.max(1, ...kinds.map(({ rooms }) => rooms[0] ?? 0));
  return Math.max(1, Math.min(sum(kinds.map(({ count }) => count)), Math.ceil(all / room)));
}

/** Ways to fill the machines, those that do well most often first. */
export function strategies({ kinds, counts, needsDevice }: Problem): Strategy[] {
  const most = likelyMachines({ kinds, counts, needsDevice });
  const steps = Math.max(FEWEST_STEPS, Math.min(STEPS, Math.floor(MOST_WORK / FULL_TRIES / most)));
  const weights = kinds.some(hasDevices) ? [0, 1] : [0];
  const roomOf = (kind: number) => kinds[kind]?.rooms[0] ?? 0;
  const rising = kinds.map((_, kind) => kind).toSorted((a, b) => roomOf(a) - roomOf(b));
  const withDevices = kinds.filter(hasDevices).length;
  // Of one kind with devices and one without, the order is settled.
  const isSettled = withDevices <= 1 && kinds.length - withDevices <= 1;
  const orders = isSettled ? [{ order: rising }] : [
    { order: rising },
    {},
    { order: rising.toReversed() },
  ];
  const usual = SPARES.flatMap((spare) =>
    orders.flatMap((order) =>
      weights.map((ramWeight): Strategy => ({ ...order, ramWeight, steps, spare }))
    )
  );
  const onDevices = new Set(
    kinds.flatMap(({ choices }) => choices)
      .filter(({ needs }) => needs.some((need, room) => room >= FIRST_DEVICE && need > 0))
      .map(({ group }) => group),
  );
  const hasChoice = [...onDevices].some((group) => !needsDevice[group]);
  if (!hasChoice) return usual;
  const settled = DEVICE_WORTHS.flatMap((deviceWorth) =>
    usual.slice(0, 1).map((first): Strategy => ({ ...first, deviceWorth }))
  );
  return [...settled, ...usual];
}
