import type { Mode, Role } from "../budget/demand.ts";
import type { Policy } from "../budget/policy.ts";
import type { Estimator } from "../footprint/footprint.ts";
import type { KvCacheType } from "../llama_cpp/ggml/types.ts";

/** How models are loaded and contexts made, as asked for; `auto` not yet resolved. */
export interface ContextSettings {
  /** Absent: 4096 or the model's own, or what a RAM limit leaves room for. */
  readonly contextSize?: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly kvCacheType: KvCacheType;
  readonly flashAttention: "on" | "off" | "auto";
  readonly mmap: boolean;
}

/** One jar as asked for, before its model is looked at. */
export interface JarSettings {
  readonly id: string;
  readonly role: Role;
  /** A path as typed; absent for the demo brain. */
  readonly model?: string;
  /** Who named the model. */
  readonly modelFrom: "flag" | "file" | "environment" | "demo";
  readonly ramLimitBytes?: number;
  readonly context: ContextSettings;
  /** Replaces the role's introduction in its prompts. */
  readonly introduction?: string;
}

/** A machine that isn't this one, as far as it was described. */
export interface OtherMachine {
  /** The flag or table that described it. */
  readonly name: string;
  /** Absent: this machine's. */
  readonly totalBytes?: number;
  /** Absent: all of a given total, else what this machine has available. */
  readonly availableBytes?: number;
}

/** Everything that flags and environment say about which jars are judged, and how. */
export interface Settings {
  readonly mode: Mode;
  /** The jar file that the jars come from; absent for a mode's. */
  readonly jarFile?: string;
  readonly jars: readonly JarSettings[];
  readonly policy: Policy;
  readonly estimator: Estimator;
  /** A processor of the table instead of this one. */
  readonly cpu?: string;
  readonly machine?: OtherMachine;
}
