import { bytesIn, type PoolBytes, RAM } from "./pools.ts";
import type { Policy } from "../policy.ts";
import { addedBytes, type RequiredDemand, sharedOn } from "../required.ts";
import { sum } from "../sum.ts";

/** What the manager holds for a jar, in every pool. */
export interface Reservation extends RequiredDemand {
  readonly id: string;
  /** What is already missing from what is available, by pool, in bytes. */
  readonly resident: Map<string, number>;
  /** Whether its model is in memory: what only loading needs isn't needed any more. */
  isLoaded: boolean;
}

/** The pools that a jar needs something of: RAM, and its devices. */
export function poolsNeeded({ footprint }: Pick<RequiredDemand, "footprint">): string[] {
  return [RAM, ...(footprint.devices ?? []).map(({ id }) => id)];
}

/** What each reservation adds to the ones before it in one pool. */
export function addedOf(
  reservations: readonly Reservation[],
  policy: Policy,
  pool: string,
): ReadonlyMap<Reservation, number> {
  const added = addedBytes(reservations, policy, pool);
  return new Map(reservations.map((reservation, index) => [reservation, added[index] ?? 0]));
}

/** Reserved in one pool for these jars, `exceptId`'s left out, and not resident yet, in bytes. */
export function unfilledBytesOf(
  reservations: readonly Reservation[],
  policy: Policy,
  pool: string,
  exceptId?: string,
): number {
  const added = addedBytes(reservations.map(remaining), policy, pool);
  return sum(
    reservations.map(({ id, resident }, index) =>
      id === exceptId ? 0 : Math.max(0, (added[index] ?? 0) - (resident.get(pool) ?? 0))
    ),
  );
}

/**
 * Notes what of a new reservation, the last of these, is there already. Beside other jars that can't
 * be its own context, which nobody has made yet.
 */
export function markFound(
  reservations: readonly Reservation[],
  found: readonly PoolBytes[],
  policy: Policy,
): void {
  const reservation = reservations.at(-1);
  if (reservation === undefined) return;
  for (const pool of poolsNeeded(reservation)) {
    const added = addedBytes(reservations.map(remaining), policy, pool).at(-1) ?? 0;
    const context = reservations.length === 1 ? 0 : contextBytes(reservation, policy, pool);
    const most = Math.max(0, added - context);
    reservation.resident.set(pool, Math.min(bytesIn(pool, found), most));
  }
}

/** Notes that a jar has filled what it adds on its devices, but for so much. */
export function markFilled(
  reservations: readonly Reservation[],
  jar: Reservation,
  unfilled: readonly PoolBytes[],
  policy: Policy,
): void {
  for (const pool of poolsNeeded(jar).filter((id) => id !== RAM)) {
    const added = addedOf(reservations, policy, pool).get(jar) ?? 0;
    jar.resident.set(pool, Math.max(0, added - bytesIn(pool, unfilled)));
  }
}

/** Notes what a process holds of a pool in all: the first of these have filled theirs. */
export function markHeld(
  reservations: readonly Reservation[],
  { id, bytes }: PoolBytes,
  policy: Policy,
): void {
  let left = bytes;
  for (const [reservation, added] of addedOf(reservations, policy, id)) {
    const filled = Math.min(added, left);
    reservation.resident.set(id, filled);
    left -= filled;
  }
}

/** What of a jar no other on its model counts. */
function contextBytes(reservation: Reservation, policy: Policy, pool: string): number {
  const [alone = 0] = addedBytes([remaining(reservation)], policy, pool);
  return alone - sharedOn(pool, reservation.footprint, policy.criterion);
}

/**
 * Hands what stays in memory of a leaving jar to those that now count it. Weights are loaded before
 * the context, so that is its first bytes.
 */
export function handOver(
  leaving: Reservation,
  before: readonly Reservation[],
  policy: Policy,
): void {
  const staying = before.filter((reservation) => reservation !== leaving);
  for (const pool of poolsNeeded(leaving)) {
    const addedBefore = addedOf(before, policy, pool);
    const addedAfter = addedOf(staying, policy, pool);
    let bytes = leaving.resident.get(pool) ?? 0;
    for (const other of staying) {
      const grownBy = (addedAfter.get(other) ?? 0) - (addedBefore.get(other) ?? 0);
      const takenOver = Math.min(bytes, grownBy);
      other.resident.set(pool, (other.resident.get(pool) ?? 0) + takenOver);
      bytes -= takenOver;
    }
  }
}

/** What a reservation still needs: a model that is loaded needs what its loading did no more. */
function remaining(reservation: Reservation): RequiredDemand {
  const { footprint, isLoaded } = reservation;
  if (!isLoaded || footprint.loading === undefined) return reservation;
  return {
    ...reservation,
    footprint: { ...footprint, loading: { ...footprint.loading, bytes: 0 } },
  };
}
