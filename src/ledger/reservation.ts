import { BrainjarError } from "../budget/error.ts";

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
}

/** Memory reserved by a token, for whoever comes next: no process fills it, and it ends by itself. */
interface TokenReservation {
  readonly kind: "token";
  readonly token: string;
  readonly reservedBytes: number;
  /** Milliseconds since boot. */
  readonly expiresAt: number;
  readonly durationMilliseconds: number;
}

export type Reservation = JarReservation | TokenReservation;

/** What is asked for a jar of this process. */
export interface JarRequest {
  readonly id: string;
  readonly bytes: number;
}

/** What is asked by a token. */
export interface TokenRequest {
  readonly bytes: number;
  readonly durationMilliseconds: number;
}

/** One that its job has forgotten is gone a day later at the latest. */
export const MAXIMUM_TOKEN_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * A reservation by a new token that begins now. Throws `promise-invalid` and
 * `hold-duration-invalid`.
 */
export function reserveByToken(request: TokenRequest, now: number): TokenReservation {
  const { bytes, durationMilliseconds } = request;
  requireBytes(bytes);
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
  };
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
export function requireBytes(bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return;
  throw new BrainjarError("promise-invalid", `Memory of ${bytes} bytes can't be reserved`, {
    hint: "Give a whole number of bytes, zero or more",
  });
}
