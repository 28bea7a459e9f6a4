import type { RunEvent } from "../experiment/events.ts";

/** What is reserved as JSON has it: under `promisedBytes`, the key that others read. */
export type ReservationJson<Value> = {
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

type ValidationEvent = Extract<RunEvent, { event: "validation" }>;
type Validation = ValidationEvent["validation"];

/** One line of `run --json`. */
export type RunEventJson =
  | Exclude<RunEvent, ValidationEvent>
  | Omit<ValidationEvent, "validation"> & { readonly validation: ValidationJson };

/** Layer 1's answer with every figure it was reached by, as `run --json` prints it. */
export type ValidationJson = Omit<Validation, "memory"> & {
  readonly memory: ReservationJson<Validation["memory"]>;
};

/** An event of a run as one line of `--json` has it. */
export function runEventJson(event: RunEvent): RunEventJson {
  return event.event === "validation"
    ? { ...event, validation: validationJson(event.validation) }
    : event;
}

/** Layer 1's answer with every figure, as it stands in the first event of a run. */
export function validationJson(validation: Validation): ValidationJson {
  return { ...validation, memory: reservationJson(validation.memory) };
}
