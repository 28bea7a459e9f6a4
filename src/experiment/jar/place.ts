import type { DeallocationResult, PoolDeallocation } from "../../budget/allocation.ts";
import type { Policy } from "../../budget/policy.ts";
import type { PromptFormat } from "../../engine/engine.ts";
import type { Clock } from "../clock.ts";
import type { JarConfig } from "../jar_config.ts";
import type { RunLimits } from "../limits.ts";
import type { SampledJar } from "../memory/memory_sample.ts";
import type { Death } from "./death_cause.ts";
import type { Entrance, Figures } from "./entrance.ts";

/**
 * Where a jar's mind lives: in this process, or in one of its own. Layers 2 and 3, the load and what
 * is reserved are its business; the jar's life (states, deaths, events) is the same for all.
 */
export interface JarPlace {
  /** Whether the memory of this process is what its mind takes: only then this process watches it. */
  readonly isHere: boolean;
  /** Whether a mind can be made there at once; else a process has to be started first. */
  readonly isUp: boolean;
  /**
   * Has a process started ahead of its jar's turn, where that has to wait for room elsewhere. Answers
   * whether its jar can be let in when its turn comes; where it can't, `enter` says why. Never rejects.
   */
  prepare?(): Promise<boolean>;
  /**
   * Takes it through layers 2 and 3, the load and the making of its context. Never rejects. Whatever
   * isn't admitted has given back all that it took.
   *
   * @param onApproved called when both layers let it in, before anything is loaded
   */
  enter(onApproved?: (figures: Figures) => void): Promise<Entrance>;
  /** Called before a thought begins; what it answers is called when it has ended. */
  beginThought(): Promise<() => Promise<void>>;
  /**
   * Frees the mind, once the engine is done with it (`rest`). Rejects where that fails.
   *
   * @param keepsModel whether another mind on the same model is about to follow
   */
  free(rest: Promise<void>, keepsModel: boolean): Promise<void>;
  /** Gives the reservation back. Never rejects. */
  giveBack(): Promise<DeallocationResult>;
  /**
   * The run is over: nothing is left of it when this has settled. The mind was freed before. Answers
   * what was given back with it that isn't this process's to give back.
   */
  close(): Promise<readonly PoolDeallocation[]>;
  /** What of it is reserved and in memory, and of its process, where it isn't here. */
  sampled?(): Omit<SampledJar, "id">;
}

/** What a place may know of the run. */
export interface PlaceRun {
  readonly clock: Clock;
  readonly limits: RunLimits;
  readonly policy: Policy;
  readonly promptFormat: PromptFormat;
  /** Fires when the run is to stop. */
  readonly stop: AbortSignal;
  /** The turn that the run is in, 0 before the first. */
  readonly turn: number;
}

/** What a place tells its jar. */
export interface PlacedJar {
  /** It has to die. */
  kill(death: Death): void;
  /** Its process has ended. */
  lost(death: Death): void;
  warn(code: string, message: string): void;
}

/** The place of a jar that isn't to live in this process. */
export type PlaceOf = (
  config: JarConfig,
  run: PlaceRun,
  jar: PlacedJar,
) => JarPlace | undefined;
