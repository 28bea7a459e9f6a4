import { defined } from "../budget/defined.ts";
import { BrainjarError } from "../budget/error.ts";
import type { Ledger } from "./ledger.ts";
import { type DeviceReservation, onDevices, type Reservation } from "./reservation.ts";

const SCHEMA = "brainjar.ledger/1";

/**
 * The ledger as it lies on disk, in the words of its first version, which other versions of brainjar
 * read: entries, and `promisedBytes` for what is reserved.
 */
export function encodeLedger({ bootId, reservations }: Ledger): string {
  const entries = reservations.map((reservation) => {
    const { kind, reservedBytes: promisedBytes, devices, ...others } = reservation;
    // A key that older versions leave out when they write: what is on devices they don't count.
    const rest = { ...others, ...defined({ devices: devices?.map(encodeDevice) }) };
    return kind === "jar"
      ? { kind: "process", promisedBytes, ...rest }
      : { kind: "hold", promisedBytes, ...rest };
  });
  return JSON.stringify({ schema: SCHEMA, bootId, entries }) + "\n";
}

function encodeDevice({ reservedBytes: promisedBytes, ...rest }: DeviceReservation) {
  return { ...rest, promisedBytes };
}

/**
 * Reads a ledger's text. Nothing where it is no ledger: cut off, garbage, or with a figure that
 * can't be one.
 *
 * Throws `ledger-from-the-future` for the ledger of a later brainjar, which is no garbage and whose
 * reservations still count.
 */
export function decodeLedger(text: string): Ledger | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { schema, bootId, entries } = value;
  if (schema !== SCHEMA) {
    if (typeof schema === "string" && /^brainjar\.ledger\/\d{1,9}$/.test(schema)) {
      throw new BrainjarError(
        "ledger-from-the-future",
        `The ledger of reserved memory was written by another version of brainjar: '${schema}'`,
        { hint: "Stop the other brainjar, or use the same version", kind: "engine" },
      );
    }
    return undefined;
  }
  if (typeof bootId !== "string" || !Array.isArray(entries)) return undefined;
  const reservations = entries.map(decodeEntry);
  return reservations.every((one) => one !== undefined) ? { bootId, reservations } : undefined;
}

function decodeEntry(value: unknown): Reservation | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, promisedBytes: reservedBytes, devices: written = [] } = value;
  const found = Array.isArray(written) ? written.map(decodeDevice) : [undefined];
  const reserved = found.filter((one) => one !== undefined);
  if (!isWhole(reservedBytes) || reserved.length < found.length) return undefined;
  const devices = onDevices(reserved);
  if (kind === "hold") {
    const { token, expiresAt, durationMilliseconds } = value;
    if (typeof token !== "string" || !isWhole(expiresAt) || !isWhole(durationMilliseconds)) {
      return undefined;
    }
    return { kind: "token", token, reservedBytes, expiresAt, durationMilliseconds, ...devices };
  }
  const { id, processId, startTime, namespace, baselineBytes, seenAt, residentBytes } = value;
  if (
    kind !== "process" || !isWhole(processId) || processId === 0 || !isWhole(baselineBytes) ||
    !isWhole(seenAt) || !isWhole(residentBytes) || typeof id !== "string" ||
    typeof startTime !== "string" ||
    typeof namespace !== "string"
  ) return undefined;
  return {
    kind: "jar",
    id,
    processId,
    startTime,
    namespace,
    reservedBytes,
    baselineBytes,
    residentBytes,
    seenAt,
    ...devices,
  };
}

function decodeDevice(value: unknown): DeviceReservation | undefined {
  if (!isRecord(value)) return undefined;
  const { device, id, promisedBytes: reservedBytes, filledBytes } = value;
  if (typeof device !== "string" || typeof id !== "string") return undefined;
  if (!isWhole(reservedBytes) || !isWhole(filledBytes)) return undefined;
  return { device, id, reservedBytes, filledBytes };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
