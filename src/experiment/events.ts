import type { AllocationRefusal, AllocationReport } from "../budget/allocation.ts";
import type { Mode, Role } from "../budget/demand.ts";
import type { PreflightResult } from "../budget/preflight.ts";
import type { Validation } from "../budget/validation.ts";
import type { Thought } from "../engine/engine.ts";
import type { DeathCause } from "./jar/death_cause.ts";

/** Whose event it is, and in which turn; turn 0 is before the first. */
export interface JarEvent {
  readonly id: string;
  readonly role: Role;
  readonly turn: number;
}

/** Layer 1's answer; the run's first event. */
export interface ValidationEvent {
  readonly event: "validation";
  readonly ok: boolean;
  readonly mode: Mode;
  /** What the run can be repeated with. */
  readonly seed: number;
  readonly turns?: number;
  readonly validation: Validation;
}

/** Layers 2 and 3 let a jar in; its model is about to be loaded. */
interface AllocatedEvent extends JarEvent {
  readonly event: "allocated";
  readonly allocatedBytes: number;
  readonly totalBytes: number;
  readonly usableBytes: number;
  readonly remainingBytes: number;
  readonly preflight: PreflightResult;
}

/** A jar has its model and its context. */
export interface LoadedEvent extends JarEvent {
  readonly event: "loaded";
  readonly model: string;
  readonly contextSize: number;
  /** Whether the model was in memory already. */
  readonly shared: boolean;
  readonly milliseconds: number;
}

/** A jar thought. */
interface ThoughtEvent extends JarEvent {
  readonly event: "thought";
  readonly text: string;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly stop: Thought["stop"];
  /** Tokens in its context now, and how many it holds. */
  readonly contextTokens: number;
  readonly contextSize: number;
  readonly seed: number;
  readonly milliseconds: number;
}

/** What the observer's thought leaves for god. */
interface NoteEvent extends JarEvent {
  readonly event: "note";
  readonly text: string;
}

/** What the subject will hear from god. */
interface WhisperEvent extends JarEvent {
  readonly event: "whisper";
  readonly text: string;
}

/** A jar died; its context is freed and its reservation given back. */
interface DeathEvent extends JarEvent {
  readonly event: "death";
  readonly cause: DeathCause;
  /** The cause in words. */
  readonly message: string;
  readonly deaths: number;
  readonly givenBackBytes: number;
  readonly reservedBytes: number;
  /** What the engine, or the watch, had to say about it. */
  readonly detail?: string;
}

/** A dead jar is back, with a new context. */
interface ResurrectionEvent extends JarEvent {
  readonly event: "resurrection";
  readonly deaths: number;
  /** What had killed it, and in words. */
  readonly cause: DeathCause;
  readonly message: string;
  readonly allocatedBytes: number;
  readonly totalBytes: number;
  readonly usableBytes: number;
  readonly remainingBytes: number;
  readonly preflight: PreflightResult;
  readonly milliseconds: number;
}

/** Something went otherwise than asked, and the run can say what. */
export interface WarningEvent extends Partial<JarEvent> {
  readonly event: "warning";
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Layer 2's figures, where it refused. */
  readonly allocation?: { readonly ok: false; readonly id: string } & AllocationRefusal;
  /** Layer 3's figures, where it refused. */
  readonly preflight?: PreflightResult;
}

/**
 * Why a run ended: its `turns` were over, a signal `stopped` it, jars were `refused` before the
 * first thought, a model could not be loaded (`failed`), or none was left alive (`no-jar-left`).
 */
export type EndReason = "turns" | "stopped" | "refused" | "failed" | "no-jar-left";

/** Everything is disposed and given back; the run's last event. */
export interface EndEvent {
  readonly event: "end";
  readonly reason: EndReason;
  readonly exitCode: number;
  readonly seed: number;
  /** Turns that were begun. */
  readonly turns: number;
  readonly thoughts: number;
  readonly tokens: number;
  readonly deaths: number;
  readonly resurrections: number;
  readonly milliseconds: number;
  /** What was reserved for each jar just before it was given back. */
  readonly allocationReport: AllocationReport | undefined;
  readonly givenBackBytes: number;
  /** 0 when all was given back. */
  readonly reservedBytes: number;
}

/** What happens in a run (src/report/README.md, "Output"): `JSON.stringify` of one is one line of `--json`. */
export type RunEvent =
  | ValidationEvent
  | AllocatedEvent
  | LoadedEvent
  | ThoughtEvent
  | NoteEvent
  | WhisperEvent
  | DeathEvent
  | ResurrectionEvent
  | WarningEvent
  | EndEvent;

/** An event of a jar before it is known whose, and in which turn. */
export type JarEventBody = WithoutJar<Exclude<RunEvent, ValidationEvent | EndEvent>>;

type WithoutJar<Event> = Event extends RunEvent ? Omit<Event, keyof JarEvent> : never;
