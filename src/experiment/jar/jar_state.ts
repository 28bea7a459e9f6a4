import type { Mind } from "../../engine/engine.ts";
import type { Death, DeathCause } from "./death_cause.ts";
import type { ModelReference } from "./model_pool.ts";

/** Where a jar is in its life. */
export type JarState =
  | { readonly kind: "unborn" }
  | { readonly kind: "admitting" }
  | Alive
  | { readonly kind: "dying"; readonly done: Promise<void> }
  | { readonly kind: "dead"; readonly cause: DeathCause; readonly retryAt: number }
  /** For good: refused before the first thought, given up, or the run is over. */
  | { readonly kind: "gone" };

/** A jar that thinks or can. */
interface Alive {
  readonly kind: "alive";
  readonly mind: Mind;
  readonly model: ModelReference;
  /** There while it thinks: ends the thought. */
  thinking?: AbortController;
  /** What the watch killed it for, in the middle of a thought. */
  killed?: Death;
  /** Resolves when an engine that didn't listen is done with the mind. */
  rest: Promise<void>;
}

/** Frees its context, and lets go of its model, once the engine is done with it. */
export async function free({ mind, model, rest }: Alive, andModel: boolean): Promise<void> {
  const freed = rest.then(() => mind.dispose());
  model.until(freed);
  // To the end, also where the first of them fails: the model goes all the same.
  const ends = await Promise.allSettled([freed, ...(andModel ? [model.release()] : [])]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
