import { decide, type MachineMemory } from "../budget/memory.ts";
import { sum } from "../budget/sum.ts";
import type { Processes } from "../machine/processes.ts";
import type { JarReservation, Reservation } from "./reservation.ts";

/** One owner's reservations and how much of them is still to be filled, all in bytes. */
export interface ReservationSum {
  /** Absent for a token. */
  readonly processId?: number;
  /** The process is in another pid namespace: it can't be looked at, and its id is another's here. */
  readonly elsewhere?: true;
  /** Jar ids; for a token, none. The token is a secret of who was given it. */
  readonly ids: readonly string[];
  readonly reservedBytes: number;
  readonly residentBytes: number;
  /** reserved − resident: what available memory still counts and is already given away. */
  readonly unfilledBytes: number;
  /** Milliseconds until a token ends by itself. */
  readonly endsInMilliseconds?: number;
}

/**
 * Each reservation once, as it was written last: a process whose folder went away writes to another,
 * and the first may come back.
 */
export function latest(reservations: readonly Reservation[]): readonly Reservation[] {
  const byOwner = new Map<string, Reservation>();
  for (const one of reservations) {
    const owner = one.kind === "token"
      ? one.token
      : [one.namespace, one.processId, one.startTime, one.id].join(" ");
    const other = byOwner.get(owner);
    const isLater = one.kind === "jar" && other?.kind === "jar" && one.seenAt > other.seenAt;
    if (other === undefined || isLater) byOwner.set(owner, one);
  }
  return [...byOwner.values()];
}

/**
 * What each owner still has to fill: a process's anonymous memory beyond its baseline fills its
 * reservations. Of one that can be looked at it is measured now, of another it is what it wrote last.
 * File-backed weights fill nothing, because the kernel goes on counting them as available while they
 * are resident.
 */
export function sumReservations(
  reservations: readonly Reservation[],
  processes: Processes,
): readonly ReservationSum[] {
  const now = processes.now();
  const tokens = reservations.filter((one) => one.kind === "token");
  const jars = reservations.filter((one) => one.kind === "jar");
  const byProcess = Map.groupBy(jars, ({ namespace, processId }) => `${namespace} ${processId}`);
  return [
    ...tokens.map((one) => ({
      ids: [],
      reservedBytes: one.reservedBytes,
      residentBytes: 0,
      unfilledBytes: one.reservedBytes,
      endsInMilliseconds: one.expiresAt - now,
    })),
    ...[...byProcess.values()].flatMap((owned): ReservationSum[] => {
      const [first] = owned;
      if (first === undefined) return [];
      const reservedBytes = sum(owned.map((one) => one.reservedBytes));
      const residentBytes = Math.max(0, Math.min(reservedBytes, filledBytes(first, processes)));
      const unfilledBytes = reservedBytes - residentBytes;
      const ids = owned.map((one) => one.id);
      const { processId, namespace } = first;
      const elsewhere = namespace === processes.namespace ? {} : { elsewhere: true as const };
      return [{ processId, ...elsewhere, ids, reservedBytes, residentBytes, unfilledBytes }];
    }),
  ];
}

/**
 * Bytes reserved by everyone but process `ownId` and not resident yet: what has to come off available
 * memory before more is reserved.
 */
export function unfilledByOthers(sums: readonly ReservationSum[], ownId: number): number {
  const others = sums.filter((one) => one.elsewhere || one.processId !== ownId);
  return sum(others.map((one) => one.unfilledBytes));
}

/**
 * A machine's memory with what others have reserved taken off what is available. All of it comes
 * off, whichever control group the others are in: from outside it can't be told which limit they will
 * fill. But for this process's own limits, which others don't fill at all.
 */
export function takeOffReservations(memory: MachineMemory, bytes: number): MachineMemory {
  const reservedBytes = memory.reservedBytes + bytes;
  // Without readings the figure is all that is known.
  const figures = memory.sources.some(({ figure }) => figure === "available")
    ? decide(memory.sources, reservedBytes)
    : { availableBytes: Math.max(0, memory.availableBytes - bytes) };
  return { ...memory, ...figures, reservedBytes };
}

function filledBytes(reservation: JarReservation, processes: Processes): number {
  if (reservation.namespace !== processes.namespace) return reservation.residentBytes;
  const now = processes.anonymousBytes(reservation.processId);
  return now === undefined ? 0 : now - reservation.baselineBytes;
}
