import type { InstanceDemand, Mode } from "../budget/demand.ts";
import type { MachineMemory } from "../budget/memory.ts";
import type { Policy } from "../budget/policy.ts";
import type { Validation } from "../budget/validation.ts";
import type { Engine, PromptFormat, ThinkOptions } from "../engine/engine.ts";
import type { EstimatedFile } from "../engine/estimated_file.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { FileRange } from "../footprint/sparse_ranges.ts";
import type { Clock } from "./clock.ts";
import type { RunHand } from "./controls.ts";
import type { RunEvent } from "./events.ts";
import type { RolePrompt } from "./prompts/prompt_file.ts";
import type { RunLimits } from "./limits.ts";
import type { MemorySample } from "./memory/memory_sample.ts";
import type { ReservationLedger } from "./memory/reservation_ledger.ts";
import type { Transcript, TranscriptLine } from "./transcript.ts";

/** One jar as it is to be run. */
export interface JarConfig {
  /** Its id, role, model (as people know it), RAM limit and footprint. */
  readonly demand: InstanceDemand;
  /** How its model is loaded and its context made: what the footprint was estimated for. */
  readonly options: FootprintOptions;
  /** Its model's files as they were when the footprint was estimated. */
  readonly files?: readonly EstimatedFile[];
  /** What of its model's files a token reads only here and there (`sparseRanges`). */
  readonly sparse?: readonly FileRange[];
  /** Instead of the built-in prompt of its role (`parsePrompt`). */
  readonly prompt?: RolePrompt;
  /** What of the run's sampling is another for it. */
  readonly sampling?: JarSampling;
}

/** How thoughts are sampled; every thought's seed comes from this one (`thoughtSeed`). */
export type Sampling = Omit<ThinkOptions, "signal" | "onText">;

/** What of it one jar may have another way. */
export type JarSampling = Partial<Omit<Sampling, "seed">>;

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
