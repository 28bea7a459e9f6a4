import type { Validation } from "../budget/validation.ts";
import type { RunEventJson } from "../report/schema/event.ts";

/** An event that JSON has as it is here. */
type Event<Name extends RunEventJson["event"]> = Extract<RunEventJson, { readonly event: Name }>;

/** Layer 1's answer; the run's first event. JSON has its recommendations as flags. */
type ValidationEvent =
  & Omit<Event<"validation">, "validation">
  & { readonly validation: Validation };

/** Whose event it is, and in which turn; turn 0 is before the first. */
export type JarEvent = Pick<Event<"loaded">, "id" | "role" | "turn">;

/** A jar has its model and its context. */
export type LoadedEvent = Event<"loaded">;

/** Something went otherwise than asked, and the run can say what. */
export type WarningEvent = Event<"warning">;

/** Everything is disposed and given back; the run's last event. */
export type EndEvent = Event<"end">;

/**
 * Why a run ended: its `turns` were over, a signal `stopped` it, jars were `refused` before the
 * first thought, a model could not be loaded (`failed`), or none was left alive (`no-jar-left`).
 */
export type EndReason = EndEvent["reason"];

/** What happens in a run (src/report/README.md, "Output"); its schema is report/schema/event.ts. */
export type RunEvent = ValidationEvent | Exclude<RunEventJson, Event<"validation">>;

/** An event of a jar before it is known whose, and in which turn. */
export type JarEventBody = WithoutJar<Exclude<RunEvent, ValidationEvent | EndEvent>>;

type WithoutJar<Event> = Event extends RunEvent ? Omit<Event, keyof JarEvent> : never;
