import type { Mode, Role } from "../budget/demand.ts";
import type { Validation } from "../budget/validation.ts";
import type { DeathCause } from "../experiment/jar/death_cause.ts";
import type { EndEvent } from "../experiment/events.ts";
import type { SampledPool, SharedWeights } from "../experiment/memory/memory_sample.ts";
import type { Series } from "./series.ts";

/** What a person sees of a run at a moment: all that a screen, a page or a report draws. */
export interface RunView {
  /** `starting` until the first thought begins. */
  readonly phase: "starting" | "running" | "paused" | "ended";
  /** Milliseconds since the run began, of the last event. */
  readonly at: number;
  readonly turn: number;
  readonly mode?: Mode;
  readonly seed?: number;
  /** After so many turns it ends; absent: until it is stopped. */
  readonly turns?: number;
  /** Words a minute; absent: as fast as they are thought. */
  readonly pace?: number;
  readonly validation?: Validation;
  readonly jars: readonly JarView[];
  readonly pools: readonly SampledPool[];
  readonly shared: readonly SharedWeights[];
  readonly pressurePercent?: number;
  readonly next?: { readonly id: string; readonly why: string };
  /** What was said, oldest first, each thing once; the last {@link MOST_UTTERANCES}. */
  readonly utterances: readonly Utterance[];
  /** What happened besides, oldest first; the last {@link MOST_HAPPENINGS}. */
  readonly happenings: readonly Happening[];
  /** Lives that are over, oldest first; the last {@link MOST_LIVES}. */
  readonly lives: readonly Life[];
  readonly end?: EndEvent;
}

/** One jar. All bytes whole, in RAM unless a pool is named. */
export interface JarView {
  readonly id: string;
  readonly role: Role;
  readonly model: string;
  /** `waiting` before it is admitted; `gone` for good. */
  readonly state: "waiting" | "loading" | "alive" | "thinking" | "dead" | "gone";
  /** What it is held to: its RAM limit, or its launcher's where that is less. */
  readonly limitBytes?: number;
  readonly reservedBytes: number;
  readonly residentBytes: number;
  /** Where it lives; absent where all jars live in the run's process, or that isn't known. */
  readonly place?: PlaceView;
  /** What it has on devices. */
  readonly devices: readonly {
    readonly id: string;
    readonly reservedBytes: number;
    readonly residentBytes: number;
  }[];
  /** Resident bytes over time. */
  readonly memory: Series;
  readonly contextTokens: number;
  readonly contextSize: number;
  readonly deaths: number;
  readonly lastDeath?: Death;
  /** Of the last thought that took time. */
  readonly tokensPerSecond?: number;
  /** What it was told last. */
  readonly prompt?: string;
  /** What it thinks or thought last; `isWhole` once it has ended. */
  readonly thought?: { readonly turn: number; readonly text: string; readonly isWhole: boolean };
  /** Its life: born when, with how many turns, thoughts and tokens so far. */
  readonly life: Life;
}

/** Where a jar lives, and what its process holds, as far as that was seen. */
export interface PlaceView {
  /** What starts its process; absent where it lives in the run's own. */
  readonly launcher?: string;
  /** Its machine and its scheduler's name for it, where they aren't the run's own. */
  readonly host?: string;
  readonly job?: string;
  /** Whether it takes this machine's memory. */
  readonly isHere: boolean;
  /** What its launcher is asked to hold it to; absent where it is held to nothing. */
  readonly limitBytes?: number;
  /** What it needs by estimate, and asks for where it can. */
  readonly requestBytes: number;
  /** What its process holds that can't be given back; absent where there is none. */
  readonly heldBytes?: number;
  /** The most of that which was seen in the run. */
  readonly mostHeldBytes?: number;
}

/** Whether it lives no more, for now or for good. */
export function isDead({ state }: Pick<JarView, "state">): boolean {
  return state === "dead" || state === "gone";
}

/** Whether a jar is in a life that has had a thought. */
export function isLiving({ state, life }: Pick<JarView, "state" | "life">): boolean {
  return (state === "alive" || state === "thinking") && life.thoughts > 0;
}

/**
 * How full a context is, from 0 to 1; empty where it isn't there yet.
 *
 * @example
 * ```ts
 * import { fillOf } from "./run_view.ts";
 * if (fillOf({ contextTokens: 256, contextSize: 1024 }) !== 0.25) throw new Error("A quarter");
 * ```
 */
export function fillOf(
  { contextTokens, contextSize }: Pick<JarView, "contextTokens" | "contextSize">,
): number {
  return contextSize > 0 ? Math.min(1, contextTokens / contextSize) : 0;
}

/** From a birth to a death. */
export interface Life {
  readonly id: string;
  readonly role: Role;
  /** 1 for the first. */
  readonly number: number;
  readonly bornAt: number;
  readonly bornTurn: number;
  readonly turns: number;
  readonly thoughts: number;
  /** Sampled, prompts left out. */
  readonly tokens: number;
  /** Absent as long as it lives, or where the run ended first. */
  readonly death?: Death;
}

/** When a jar died, what of, and that in words. */
export interface Death {
  readonly at: number;
  readonly turn: number;
  readonly cause: DeathCause;
  readonly message: string;
}

/** Something that was said. A note and a whisper stand in place of the thought that they come from. */
export interface Utterance {
  /** Counts from 1 over the whole run, so that a page can tell new ones. */
  readonly number: number;
  readonly at: number;
  readonly turn: number;
  readonly id: string;
  readonly role: Role;
  readonly kind: "thought" | "note" | "whisper";
  readonly text: string;
  /** A person's whisper. */
  readonly byHand?: true;
  /** Its jar died, or the run ended, in the middle of it. */
  readonly isCutOff?: true;
  /** How full its speaker's context was after it, 0 to 1: the fuller, the more a viewer frays it. */
  readonly fill: number;
}

/** Something that happened, in a line. */
export interface Happening {
  /** Counts from 1 over the whole run. */
  readonly number: number;
  readonly at: number;
  readonly turn: number;
  readonly id?: string;
  readonly kind:
    | "loaded"
    | "death"
    | "resurrection"
    | "warning"
    | "prompt"
    | "paused"
    | "resumed"
    | "end";
  readonly text: string;
}

export const MOST_UTTERANCES = 300;
export const MOST_HAPPENINGS = 100;
export const MOST_LIVES = 100;
/** Characters of one utterance that are kept; a thought may have a million tokens. */
export const MOST_CHARACTERS = 8_000;

/** Before anything has happened. */
export const EMPTY_VIEW: RunView = {
  phase: "starting",
  at: 0,
  turn: 0,
  jars: [],
  pools: [],
  shared: [],
  utterances: [],
  happenings: [],
  lives: [],
};
