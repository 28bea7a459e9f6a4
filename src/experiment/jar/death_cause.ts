/** What kills a jar (src/budget/README.md, "The run"). */
export type DeathCause =
  | "context-full"
  | "ram-limit"
  | "available-memory"
  | "system-memory"
  | "engine-failed"
  | "engine-stalled";

/** What a jar, and a person, is told about it. */
export const CAUSE_MESSAGES: Readonly<Record<DeathCause, string>> = {
  "context-full": "its context was full",
  "ram-limit": "its memory passed its RAM limit",
  "available-memory": "too little memory was available",
  "system-memory": "the system's memory was nearly used up",
  "engine-failed": "the engine failed",
  "engine-stalled": "the engine stalled",
};

/**
 * Whether a jar may come back at once. A full context is gone with the mind that filled it; every
 * other cause may still be there, so those wait one interval instead of dying in a tight loop.
 *
 * @example
 * ```ts
 * import { returnsAtOnce } from "./death_cause.ts";
 * if (!returnsAtOnce("context-full") || returnsAtOnce("system-memory")) throw new Error();
 * ```
 */
export function returnsAtOnce(cause: DeathCause): boolean {
  return cause === "context-full";
}
