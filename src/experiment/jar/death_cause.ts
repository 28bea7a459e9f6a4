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
  "out-of-memory": "its process ran out of memory",
  killed: "its process was killed",
  crashed: "its process crashed",
  terminated: "its process was told to end",
  preempted: "its process gave way to a more urgent one",
  "node-failed": "its machine was lost",
  exited: "its process ended",
  silent: "its process was silent",
  "jar-protocol": "its process said what nobody understands",
};

/** What a process dies of, the jar's own doing left out: they count as failures until it thinks. */
export const PROCESS_FAILURES: ReadonlySet<DeathCause> = new Set([
  "out-of-memory",
  "killed",
  "crashed",
  "node-failed",
  "terminated",
  "exited",
  "silent",
  "jar-protocol",
]);
