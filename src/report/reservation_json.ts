/** What is reserved as JSON has it: under `promisedBytes`, the key that others read. */
type ReservationJson<Value> = {
  [Key in keyof Value as Key extends "reservedBytes" ? "promisedBytes" : Key]: Value[Key];
};

/**
 * A figure of the ledger, or a machine's memory, as `--json` prints it.
 *
 * @example
 * ```ts
 * import { reservationJson } from "./reservation_json.ts";
 * const { promisedBytes } = reservationJson({ totalBytes: 8, reservedBytes: 2 });
 * if (promisedBytes !== 2) throw new Error("The key that others read");
 * ```
 */
export function reservationJson<Value extends { readonly reservedBytes: number }>(
  value: Value,
): ReservationJson<Value> {
  const entries = Object.entries(value).map((
    [key, one],
  ) => [key === "reservedBytes" ? "promisedBytes" : key, one]);
  // The keys in their order, one of them under its other name: that is the type.
  return Object.fromEntries(entries) as ReservationJson<Value>;
}
