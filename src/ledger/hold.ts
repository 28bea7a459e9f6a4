import { BrainjarError } from "../budget/error.ts";
import type { HoldEntry } from "./ledger.ts";

/** A hold forgotten by its job is gone a day later at the latest. */
export const MAXIMUM_HOLD_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * A hold that begins now. Throws `promise-invalid` and `hold-duration-invalid`.
 */
export function makeHold(bytes: number, durationMilliseconds: number, now: number): HoldEntry {
  requireBytes(bytes);
  if (!(durationMilliseconds > 0 && durationMilliseconds <= MAXIMUM_HOLD_MILLISECONDS)) {
    throw new BrainjarError(
      "hold-duration-invalid",
      `Memory can't be held for ${durationMilliseconds} ms`,
      { hint: "Give a time above zero and up to 24 hours" },
    );
  }
  const duration = Math.ceil(durationMilliseconds);
  return {
    kind: "hold",
    token: makeToken(),
    promisedBytes: bytes,
    expiresAt: now + duration,
    durationMilliseconds: duration,
  };
}

/** Throws `promise-invalid` for what is no number of bytes. */
export function requireBytes(bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return;
  throw new BrainjarError("promise-invalid", `Memory of ${bytes} bytes can't be promised`, {
    hint: "Give a whole number of bytes, zero or more",
  });
}

/** Short enough to be typed, long enough not to be guessed. */
function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
