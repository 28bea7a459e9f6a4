import { BrainjarError } from "../budget/error.ts";
import type { HoldEntry, Ledger, LedgerEntry, ProcessEntry } from "./ledger.ts";

const SCHEMA = "brainjar.ledger/1";

/** The ledger as it lies on disk. */
export function encodeLedger(ledger: Ledger): string {
  return JSON.stringify({ schema: SCHEMA, ...ledger }) + "\n";
}

/**
 * Reads a ledger's text. Nothing where it is no ledger: cut off, garbage, or with a figure that
 * can't be one.
 *
 * Throws `ledger-from-the-future` for the ledger of a later brainjar, which is no garbage and whose
 * promises still hold.
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
        `The ledger of promised memory was written by another version of brainjar: '${schema}'`,
        { hint: "Stop the other brainjar, or use the same version", kind: "engine" },
      );
    }
    return undefined;
  }
  if (typeof bootId !== "string" || !Array.isArray(entries)) return undefined;
  const decoded = entries.map(decodeEntry);
  return decoded.every((entry) => entry !== undefined) ? { bootId, entries: decoded } : undefined;
}

function decodeEntry(value: unknown): LedgerEntry | undefined {
  if (!isRecord(value)) return undefined;
  if (isProcessEntry(value)) return value;
  return isHoldEntry(value) ? value : undefined;
}

function isProcessEntry(value: object): value is ProcessEntry {
  return has(value, "kind", (kind) => kind === "process") &&
    has(value, "processId", (id) => isWhole(id) && id > 0) &&
    ["id", "startTime", "namespace"].every((key) => has(value, key, isString)) &&
    ["promisedBytes", "baselineBytes", "residentBytes", "seenAt"]
      .every((key) => has(value, key, isWhole));
}

function isHoldEntry(value: object): value is HoldEntry {
  return has(value, "kind", (kind) => kind === "hold") && has(value, "token", isString) &&
    ["promisedBytes", "expiresAt", "durationMilliseconds"].every((key) => has(value, key, isWhole));
}

function has(value: object, key: string, check: (value: unknown) => boolean): boolean {
  return Object.hasOwn(value, key) && check((value as Readonly<Record<string, unknown>>)[key]);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
