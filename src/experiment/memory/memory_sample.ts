import type { PoolKind } from "../../budget/pools/pools.ts";

/**
 * What a look at memory saw, for whoever watches a run. It is measured: the same seed gives other
 * figures, so that it is no event of `run --json`. All bytes whole.
 */
export interface MemorySample {
  readonly event: "memory";
  readonly turn: number;
  /** RAM first, then each device. */
  readonly pools: readonly SampledPool[];
  /** Each jar in the run's order. */
  readonly jars: readonly SampledJar[];
  /** What jars on one model share, each once. */
  readonly shared: readonly SharedWeights[];
  /** This process's anonymous memory; absent where it can't be read. */
  readonly processBytes?: number;
  /** Percent of the last ten seconds in which something waited for memory; absent where unknown. */
  readonly pressurePercent?: number;
  /** Who would be asked to die next, were memory to run short, and for what, in a sentence. */
  readonly next?: { readonly id: string; readonly why: string };
}

/** One pool at that moment. */
export interface SampledPool {
  /** `ram`, or a device's id. */
  readonly id: string;
  readonly kind: PoolKind;
  readonly totalBytes: number;
  /** What is free for anybody, reservations that aren't filled yet not taken off. */
  readonly freeBytes: number;
  /** What this run has reserved there. */
  readonly reservedBytes: number;
  /** What the watch keeps free: under it a jar is asked to die. */
  readonly leastBytes: number;
}

/** One jar at that moment; a dead one has nothing reserved. */
export interface SampledJar {
  readonly id: string;
  /** RAM first; devices that it needs nothing on are left out. What is shared is counted too. */
  readonly pools: readonly {
    readonly id: string;
    readonly reservedBytes: number;
    /** Of the reservation, what is in memory as far as that can be told; never more than it. */
    readonly residentBytes: number;
  }[];
  /** Its process, where it has or had one of its own. */
  readonly process?: SampledProcess;
}

/** A jar's own process at that moment, or the one before while it has none. */
export interface SampledProcess {
  /** Its machine and its scheduler's name for it, where they aren't the run's own. */
  readonly host?: string;
  readonly job?: string;
  /** Whether it takes the memory of the run's machine. */
  readonly isHere: boolean;
  /** What it holds that nobody else can have: anonymous memory and tables of pages; absent where it ended. */
  readonly heldBytes?: number;
  /** The most of that which was seen of the jar's processes. */
  readonly mostHeldBytes?: number;
}

/** Weights in memory once for several jars. */
export interface SharedWeights {
  readonly model: string;
  readonly ids: readonly string[];
  /** In the pool `ram`. */
  readonly bytes: number;
}
