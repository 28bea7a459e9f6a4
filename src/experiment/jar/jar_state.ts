import type { Mind } from "../../engine/engine.ts";
import type { Death, DeathCause } from "./death_cause.ts";

/** Where a jar is in its life. */
export type JarState =
  | { readonly kind: "unborn" }
  /** `done` resolves when it isn't any more; there where nobody waits for it. */
  | { readonly kind: "admitting"; readonly done?: Promise<void> }
  | Alive
  | { readonly kind: "dying"; readonly done: Promise<void> }
  | { readonly kind: "dead"; readonly cause: DeathCause; readonly retryAt: number }
  /** For good: refused before the first thought, given up, or the run is over. */
  | { readonly kind: "gone" };

/** A jar that thinks or can. */
interface Alive {
  readonly kind: "alive";
  readonly mind: Mind;
  /** There while it thinks: ends the thought. */
  thinking?: AbortController;
  /** What the watch killed it for, in the middle of a thought. */
  killed?: Death;
  /** Resolves when an engine that didn't listen is done with the mind. */
  rest: Promise<void>;
}
