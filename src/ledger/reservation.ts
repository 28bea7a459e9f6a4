import { BrainjarError } from "../budget/error.ts";
import type { DeviceMemory } from "../budget/memory.ts";
import { bytesIn, type PoolBytes } from "../budget/pools/pools.ts";

/** Memory reserved on one device. All bytes whole. */
export interface DeviceReservation {
  /** What tells the device from the machine's others for every process (`deviceIdentity`). */
  readonly device: string;
  /** What the process that wrote this calls it: `cuda:0`. */
  readonly id: string;
  readonly reservedBytes: number;
  /** What of it was filled when the process wrote this, by its driver or its own estimate. */
  readonly filledBytes: number;
}

/** Memory reserved for a jar of a process. */
export interface JarReservation {
  readonly kind: "jar";
  /** Unique within the process. */
  readonly id: string;
  readonly processId: number;
  /** Tells a process from a later one with the same id. */
  readonly startTime: string;
  readonly namespace: string;
  readonly reservedBytes: number;
  /** Anonymous memory that the process had before its first reservation: it fills none of it. */
  readonly baselineBytes: number;
  /**
   * Anonymous memory beyond that when the process wrote this: what of its reservations was filled,
   * for those who can't look at it.
   */
  readonly residentBytes: number;
  /** Milliseconds since boot at which the process wrote this. */
  readonly seenAt: number;
  /** Absent where nothing is reserved on a device. */
  readonly devices?: readonly DeviceReservation[];
}

/** Memory reserved by a token, for whoever comes next: no process fills it, and it ends by itself. */
interface TokenReservation {
  readonly kind: "token";
  readonly token: string;
  readonly reservedBytes: number;
  /** Milliseconds since boot. */
  readonly expiresAt: number;
  readonly durationMilliseconds: number;
  /** Absent where nothing is reserved on a device. */
  readonly devices?: readonly DeviceReservation[];
}

export type Reservation = JarReservation | TokenReservation;

/** What is asked for a jar of this process. */
export interface JarRequest {
  readonly id: string;
  readonly bytes: number;
  readonly devices?: readonly DeviceReservation[];
}

/** What is asked by a token. */
export interface TokenRequest {
  readonly bytes: number;
  readonly durationMilliseconds: number;
  readonly devices?: readonly DeviceReservation[];
}

/** What a token holds. */
export interface HeldMemory {
  /** Of RAM. */
  readonly bytes: number;
  readonly devices: readonly DeviceReservation[];
}

/**
 * What tells a device from the machine's others: processes may each count them in an order of their
 * own, or by another backend.
 */
export function deviceIdentity({ identity, id }: Pick<DeviceMemory, "identity" | "id">): string {
  return identity ?? id;
}

/**
 * What is reserved on a machine's devices as the ledger has it; RAM, and devices of which nothing is
 * reserved, are left out.
 *
 * @param filled what of it is filled already
 *
 * @example
 * ```ts
 * import { deviceReservations } from "./reservation.ts";
 * const card = { id: "cuda:0", identity: "0000:01:00.0" };
 * const [one] = deviceReservations([card], [{ id: "ram", bytes: 9 }, { id: "cuda:0", bytes: 7 }]);
 * if (one?.device !== "0000:01:00.0" || one.reservedBytes !== 7) throw new Error("By its address");
 * ```
 */
export function deviceReservations(
  devices: readonly Pick<DeviceMemory, "identity" | "id">[] | undefined,
  reserved: readonly PoolBytes[],
  filled: readonly PoolBytes[] = [],
): readonly DeviceReservation[] {
  return (devices ?? []).flatMap((device): DeviceReservation[] => {
    const { id } = device;
    const reservedBytes = bytesIn(id, reserved);
    if (reservedBytes === 0) return [];
    const filledBytes = Math.min(bytesIn(id, filled), reservedBytes);
    return [{ device: deviceIdentity(device), id, reservedBytes, filledBytes }];
  });
}

/** One that its job has forgotten is gone a day later at the latest. */
export const MAXIMUM_TOKEN_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * A reservation by a new token that begins now. Throws `promise-invalid` and
 * `hold-duration-invalid`.
 */
export function reserveByToken(request: TokenRequest, now: number): TokenReservation {
  const { bytes, durationMilliseconds, devices = [] } = request;
  requireRequest(request);
  if (!(durationMilliseconds > 0 && durationMilliseconds <= MAXIMUM_TOKEN_MILLISECONDS)) {
    throw new BrainjarError(
      "hold-duration-invalid",
      `Memory can't be reserved for ${durationMilliseconds} ms`,
      { hint: "Give a time above zero and up to 24 hours" },
    );
  }
  const duration = Math.ceil(durationMilliseconds);
  return {
    kind: "token",
    // Short enough to be typed, long enough not to be guessed.
    token: crypto.getRandomValues(new Uint8Array(8)).toHex(),
    reservedBytes: bytes,
    expiresAt: now + duration,
    durationMilliseconds: duration,
    ...onDevices(devices),
  };
}

/** A reservation's devices, where it has any. */
export function onDevices(
  devices: readonly DeviceReservation[],
): { readonly devices?: readonly DeviceReservation[] } {
  return devices.length === 0 ? {} : { devices };
}

/** Tells whether a reservation is the one by a token. */
export function tokenIs(token: string): (one: Reservation) => boolean {
  return (one) => one.kind === "token" && one.token === token;
}

/** The error of a token that holds nothing. */
export function unknownToken(token: string): BrainjarError {
  return new BrainjarError("unknown-token", `No reservation has the token "${token}"`, {
    hint: "It may have ended by itself; brainjar memory lists what is held",
  });
}

/** Throws `promise-invalid` for what is no number of bytes. */
export function requireRequest(
  { bytes, devices = [] }: Pick<JarRequest, "bytes" | "devices">,
): void {
  requireBytes(bytes);
  for (const { reservedBytes, filledBytes } of devices) {
    requireBytes(reservedBytes);
    requireBytes(filledBytes);
  }
}

function requireBytes(bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return;
  throw new BrainjarError("promise-invalid", `Memory of ${bytes} bytes can't be reserved`, {
    hint: "Give a whole number of bytes, zero or more",
  });
}
