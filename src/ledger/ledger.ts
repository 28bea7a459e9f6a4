import type { Processes } from "../machine/processes.ts";
import {
  type JarRequest,
  type JarReservation,
  onDevices,
  requireRequest,
  type Reservation,
} from "./reservation.ts";

/** What the processes of one user have reserved. */
export interface Ledger {
  /** The boot it was written in; nothing of an earlier boot is alive. */
  readonly bootId: string;
  readonly reservations: readonly Reservation[];
}

/**
 * How long a reservation counts whose process can't be looked at (in another container) after it was
 * written. A process writes its own anew every minute as long as it lives (`renewed`).
 */
const FOREIGN_LIFETIME_MILLISECONDS = 10 * 60 * 1000;

/**
 * The ledger without what no longer counts: another boot's reservations, tokens that have ended, and
 * processes that are gone or whose id belongs to another process now. The very same object where
 * nothing had to go.
 *
 * A token can never last longer than it was made for: if the clock went back, it starts anew.
 */
export function pruneLedger(ledger: Ledger, processes: Processes): Ledger {
  const now = processes.now();
  // An unknown boot on either side proves nothing.
  const rebooted = ledger.bootId !== "" && processes.bootId !== "" &&
    ledger.bootId !== processes.bootId;
  const reservations = rebooted ? [] : ledger.reservations.flatMap((one): Reservation[] => {
    if (one.kind === "jar") return isAlive(one, processes, now) ? [one] : [];
    if (one.expiresAt <= now) return [];
    const latest = now + one.durationMilliseconds;
    return [one.expiresAt > latest ? { ...one, expiresAt: latest } : one];
  });
  const same = reservations.length === ledger.reservations.length &&
    reservations.every((one, index) => one === ledger.reservations[index]);
  return same && (reservations.length === 0 || ledger.bootId === processes.bootId)
    ? ledger
    : { bootId: processes.bootId, reservations };
}

/**
 * Adds or replaces this process's reservation for a jar. The process's baseline stays what it was at
 * first. Throws `promise-invalid`.
 *
 * @param formerBaselineBytes what it was where all was given back meanwhile: a jar that died has kept
 * its model, which fills the next reservation
 */
export function withJar(
  ledger: Ledger,
  request: JarRequest,
  processes: Processes,
  formerBaselineBytes?: number,
): Ledger {
  requireRequest(request);
  const { id, bytes, devices = [] } = request;
  const sibling = ledger.reservations.find((one) => isOwn(one, processes));
  const state = processes.lookUp(processes.ownId);
  const anonymousBytes = processes.anonymousBytes(processes.ownId) ?? 0;
  const baselineBytes = sibling?.baselineBytes ?? formerBaselineBytes ?? anonymousBytes;
  const reservation: JarReservation = {
    kind: "jar",
    id,
    processId: processes.ownId,
    startTime: state.kind === "running" ? state.startTime : "",
    namespace: processes.namespace,
    reservedBytes: bytes,
    baselineBytes,
    residentBytes: Math.max(0, anonymousBytes - baselineBytes),
    seenAt: processes.now(),
    ...onDevices(devices),
  };
  const others = ledger.reservations.filter((one) => !(isOwn(one, processes) && one.id === id));
  return { bootId: processes.bootId, reservations: [...others, reservation] };
}

/**
 * This process's reservations written anew: it is still there, and has filled so much of them.
 *
 * @param filled what of its devices is filled now, by what tells them apart; what is left out stays
 */
export function renewed(
  ledger: Ledger,
  processes: Processes,
  filled: ReadonlyMap<string, number> = new Map(),
): Ledger {
  return ledger.reservations.filter((one) => isOwn(one, processes)).reduce(
    (kept, { id, reservedBytes: bytes, devices = [] }) => {
      const now = devices.map((one) => {
        const filledBytes = filled.get(one.device) ?? one.filledBytes;
        return { ...one, filledBytes: Math.min(filledBytes, one.reservedBytes) };
      });
      return withJar(kept, { id, bytes, devices: now }, processes);
    },
    ledger,
  );
}

/** Whether a reservation is for a jar of this very process. */
export function isOwn(
  reservation: Reservation,
  processes: Processes,
): reservation is JarReservation {
  return reservation.kind === "jar" && reservation.processId === processes.ownId &&
    reservation.namespace === processes.namespace;
}

function isAlive(reservation: JarReservation, processes: Processes, now: number): boolean {
  if (reservation.namespace !== processes.namespace) {
    return Math.abs(now - reservation.seenAt) <= FOREIGN_LIFETIME_MILLISECONDS;
  }
  const state = processes.lookUp(reservation.processId);
  if (state.kind === "unknown") return true;
  return state.kind === "running" && state.startTime === reservation.startTime;
}
