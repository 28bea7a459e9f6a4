import type { Mode } from "../budget/demand.ts";
import type { MachineMemory } from "../budget/memory.ts";
import type { Policy } from "../budget/policy.ts";
import type { Validation } from "../budget/validation.ts";
import type { Engine, PromptFormat } from "../engine/engine.ts";
import type { Clock } from "./clock.ts";
import type { RunHand } from "./controls.ts";
import type { RunEvent } from "./events.ts";
import type { PlaceOf } from "./jar/place.ts";
import type { JarConfig, JarSampling, Sampling } from "./jar_config.ts";
import type { RunLimits } from "./limits.ts";
import type { MemorySample } from "./memory/memory_sample.ts";
import type { ReservationLedger } from "./memory/reservation_ledger.ts";
import type { Transcript, TranscriptLine } from "./transcript.ts";

export type { JarConfig, JarSampling, Sampling };

/** What is to be run. */
export interface RunConfig {
  readonly mode: Mode;
  /** In the order in which they are admitted and think. */
  readonly jars: readonly JarConfig[];
  /** Absent: until it is stopped. */
  readonly turns?: number;
  readonly sampling: Sampling;
  /** How minds are told prompts; `auto` unless told otherwise. */
  readonly promptFormat?: PromptFormat;
  /** Go on without a refused observer or god. */
  readonly allowPartial: boolean;
  readonly policy: Policy;
  /** Layer 1's answer for these jars. */
  readonly validation: Validation;
  readonly limits?: Partial<RunLimits>;
  /** brainjar's own version, for the transcript. */
  readonly version?: string;
}

/** What a run works with. */
export interface RunDependencies {
  /** Stays the caller's: it is not disposed here. */
  readonly engine: Engine;
  readonly clock: Clock;
  readonly readMemory: () => Promise<MachineMemory>;
  /** Shared with the other processes of this machine; absent: none is asked. */
  readonly ledger?: ReservationLedger;
  /** This process's anonymous resident memory and its page tables, in bytes. */
  readonly readOwnAnonymousBytes: () => number | Promise<number>;
  /** Where a jar lives that isn't to live in this process. */
  readonly placeOf?: PlaceOf;
  /** Hears everything that happens, in order. */
  readonly emit: (event: RunEvent) => void;
  /**
   * Resolves when what was told is read: no thought begins before, so that a run doesn't get ahead of a
   * slow reader. Absent: it is read at once.
   */
  readonly heard?: () => Promise<void>;
  /** Hears what each look at memory saw: every second, and after each birth, thought and death. */
  readonly onMemory?: (sample: MemorySample) => void;
  /** Hears each piece of a thought as it is sampled. */
  readonly onText?: (id: string, text: string) => void;
  /** Is given, before anything happens, what a person may do to the run. */
  readonly onHand?: (hand: RunHand) => void;
  /** Closed when the run ends. */
  readonly transcript?: Transcript;
  /** The first event as the transcript has it; absent: it has none. */
  readonly validationLine?: (event: RunEvent) => TranscriptLine;
  /**
   * Stops the run. Its reason decides the exit code (`stoppedExitCode`).
   */
  readonly signal: AbortSignal;
}
