import { defined } from "../budget/defined.ts";
import { decide, type DeviceMemory, type MachineMemory } from "../budget/memory.ts";
import { sum } from "../budget/sum.ts";
import type { Processes } from "../machine/processes.ts";
import { deviceIdentity, type JarReservation, type Reservation } from "./reservation.ts";

/** What an owner has reserved on one device and what of it is still to be filled, in bytes. */
export interface DeviceSum {
  /** What tells the device from the machine's others. */
  readonly device: string;
  /** What the owner calls it: `cuda:0`. */
  readonly id: string;
  readonly reservedBytes: number;
  readonly residentBytes: number;
  /** reserved − resident. */
  readonly unfilledBytes: number;
}

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
  /** Absent where nothing is reserved on a device. */
  readonly devices?: readonly DeviceSum[];
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
 * are resident. On a device it is what its driver says that the process holds there, and what it wrote
 * itself where the driver tells less or nothing.
 */
export function sumReservations(
  reservations: readonly Reservation[],
  processes: Processes,
  devices: readonly DeviceMemory[] = [],
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
      ...deviceSums([one], () => 0),
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
      // A process of another namespace goes by another id for the driver.
      const held = namespace === processes.namespace
        ? (device: string) => heldBytes(processId, devices, device)
        : () => 0;
      return [{
        ...{ processId, ...elsewhere, ids, reservedBytes, residentBytes, unfilledBytes },
        ...deviceSums(owned, held),
      }];
    }),
  ];
}

/** What one owner has on devices; `held` is what its driver says that it holds there now. */
function deviceSums(
  owned: readonly Reservation[],
  held: (device: string) => number,
): { readonly devices?: readonly DeviceSum[] } {
  const byDevice = Map.groupBy(owned.flatMap(({ devices = [] }) => devices), (one) => one.device);
  const sums = [...byDevice].map(([device, parts]): DeviceSum => {
    const reservedBytes = sum(parts.map((one) => one.reservedBytes));
    const written = sum(parts.map((one) => one.filledBytes));
    const residentBytes = Math.min(reservedBytes, Math.max(written, held(device)));
    const id = parts[0]?.id ?? device;
    return {
      device,
      id,
      reservedBytes,
      residentBytes,
      unfilledBytes: reservedBytes - residentBytes,
    };
  });
  return sums.length === 0 ? {} : { devices: sums };
}

function heldBytes(processId: number, devices: readonly DeviceMemory[], identity: string): number {
  const device = devices.find((one) => deviceIdentity(one) === identity);
  return device?.holders?.find((holder) => holder.processId === processId)?.bytes ?? 0;
}

/**
 * Bytes reserved by everyone but process `ownId` and not resident yet: what has to come off available
 * memory before more is reserved.
 */
export function unfilledByOthers(sums: readonly ReservationSum[], ownId: number): number {
  const others = sums.filter((one) => one.elsewhere || one.processId !== ownId);
  return sum(others.map((one) => one.unfilledBytes));
}

/** The same on each device, by what tells devices apart. */
export function unfilledOnDevices(
  sums: readonly ReservationSum[],
  ownId: number,
): ReadonlyMap<string, number> {
  const others = sums.filter((one) => one.elsewhere || one.processId !== ownId);
  const unfilled = new Map<string, number>();
  for (const { device, unfilledBytes } of others.flatMap(({ devices = [] }) => devices)) {
    unfilled.set(device, (unfilled.get(device) ?? 0) + unfilledBytes);
  }
  return unfilled;
}

/**
 * A machine's memory with what others have reserved taken off what is available. All of it comes
 * off, whichever control group the others are in: from outside it can't be told which limit they will
 * fill. But for this process's own limits, which others don't fill at all.
 *
 * @param bytes of RAM
 * @param onDevices the same of devices, by what tells them apart
 */
export function takeOffReservations(
  memory: MachineMemory,
  bytes: number,
  onDevices: ReadonlyMap<string, number> = new Map(),
): MachineMemory {
  const reservedBytes = memory.reservedBytes + bytes;
  // Without readings the figure is all that is known.
  const figures = memory.sources.some(({ figure }) => figure === "available")
    ? decide(memory.sources, reservedBytes)
    : { availableBytes: Math.max(0, memory.availableBytes - bytes) };
  const devices = memory.devices?.map((device): DeviceMemory => {
    const taken = onDevices.get(deviceIdentity(device)) ?? 0;
    return {
      ...device,
      availableBytes: Math.max(0, device.availableBytes - taken),
      reservedBytes: device.reservedBytes + taken,
    };
  });
  return { ...memory, ...figures, reservedBytes, ...defined({ devices }) };
}

function filledBytes(reservation: JarReservation, processes: Processes): number {
  if (reservation.namespace !== processes.namespace) return reservation.residentBytes;
  const now = processes.anonymousBytes(reservation.processId);
  return now === undefined ? 0 : now - reservation.baselineBytes;
}
