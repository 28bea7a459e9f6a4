import type { RunEventJson } from "../../report/schema/event.ts";

/** What kills a jar (src/budget/README.md, "The run"). */
export type DeathCause = Extract<RunEventJson, { readonly event: "death" }>["cause"];

/** What a jar dies of, as far as it is known. */
export interface Death {
  readonly cause: DeathCause;
  readonly detail?: string;
  /** The device that it was about. */
  readonly pool?: string;
}

/** What a jar, and a person, is told about it. */
export const CAUSE_MESSAGES: Readonly<Record<DeathCause, string>> = {
  "context-full": "its context was full",
  "ram-limit": "its memory passed its RAM limit",
  "available-memory": "too little memory was available",
  "device-memory": "too little memory was available on its device",
  "device-lost": "its device was gone",
  "engine-failed": "the engine failed",
  "engine-stalled": "the engine stalled",
  "by-hand": "a hand ended it",
};
