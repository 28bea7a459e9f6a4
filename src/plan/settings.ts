import type { Mode, Role } from "../budget/demand.ts";
import type { DeviceMemory } from "../budget/memory.ts";
import { DEFAULT_POLICY, type Policy } from "../budget/policy.ts";
import type { Estimator } from "../footprint/footprint.ts";
import type { KvCacheType } from "../llama_cpp/ggml/types.ts";
import {
  type Device,
  GPU_BACKENDS,
  type GpuBackend,
  type GpuLayers,
} from "../llama_cpp/options.ts";

/** How models are loaded and contexts made, as asked for; `auto` not yet resolved. */
export interface ContextSettings {
  /** Tokens. Absent: 4096 or the model's own, or what a RAM limit leaves room for. */
  readonly contextSize?: number;
  /** Tokens evaluated at once; no more than the context has. */
  readonly batchSize: number;
  /** Sequences in one context, each with its own KV cache. */
  readonly sequences: number;
  /** The type of keys and values. */
  readonly kvCacheType: KvCacheType;
  /** `auto`: on where llama.cpp can run the model with it. */
  readonly flashAttention: "on" | "off" | "auto";
  /** Whether weights stay in the file and are mapped. */
  readonly mmap: boolean;
  /** Layers on devices, the output counted as one more; more than there are means all. */
  readonly gpuLayers: GpuLayers;
}

/** What may be asked to compute: what the installed engine drives, nothing but the CPU, or a kind. */
export const GPU_CHOICES = ["auto", "off", ...GPU_BACKENDS] as const;

/** What is asked to compute. */
export type GpuChoice = "auto" | "off" | GpuBackend;

/** What computes where nobody says. */
export const DEFAULT_GPU: GpuChoice = "auto";

/** The context of a jar that nobody says more about. */
export const DEFAULT_CONTEXT: ContextSettings = {
  batchSize: 512,
  sequences: 1,
  kvCacheType: "F16",
  flashAttention: "auto",
  mmap: true,
  gpuLayers: "auto",
};

/** The part of a jar that nobody gives another. */
export const DEFAULT_ROLE: Role = "subject";

/** How footprints are found where nobody says how. */
export const DEFAULT_ESTIMATOR: Estimator = "header";

/** One jar as far as somebody said something about it. */
export interface JarRequest {
  /** Unique among the jars. */
  readonly id: string;
  /** `subject` unless told otherwise. */
  readonly role?: Role;
  /** A path, a URL or a name in a cache; absent for the demo brain. */
  readonly model?: string;
  /** What it may use at most, in bytes; sizes its context too. */
  readonly ramLimitBytes?: number;
  /** What it differs in from `DEFAULT_CONTEXT`. */
  readonly context?: Partial<ContextSettings>;
  /** What it is told in a run, as a prompt file has it; the built-in prompt of its role if absent. */
  readonly prompt?: string;
  /** How its thoughts are sampled, where it differs from the run's others. */
  readonly sampling?: JarSampling;
  /** What starts its process in a run, as `--launcher` has it; the run's own process if absent. */
  readonly launcher?: string;
}

/** How one jar's thoughts are sampled, as far as somebody said so. */
export interface JarSampling {
  /** 0 takes the likeliest token. */
  readonly temperature?: number;
  /** Share of the likeliest tokens that are sampled from, 0 to 1. */
  readonly topP?: number;
  /** Most tokens of one thought. */
  readonly maxTokens?: number;
}

/** A machine that isn't this one, as far as it was described. */
export interface OtherMachine {
  /** What described it, for reports. */
  readonly name: string;
  /** Absent: this machine's. */
  readonly totalBytes?: number;
  /** Absent: all of a given total, else what this machine has available. */
  readonly availableBytes?: number;
  /** Its devices; absent: none, whatever this machine has. */
  readonly devices?: readonly ComputingDevice[];
}

/** A device that the engine computes on: its memory, and what decides where llama.cpp puts things. */
export interface ComputingDevice {
  /** What it has. */
  readonly memory: DeviceMemory;
  /** What llama.cpp goes by. */
  readonly device: Device;
}

/** Which jars are to be judged together, and how, as far as somebody said something about it. */
export interface PlanRequest {
  /** In the order in which they are admitted. */
  readonly jars: readonly JarRequest[];
  /** The mode that they come from; `jars` unless told otherwise. */
  readonly mode?: Mode;
  /** The jar file that they come from. */
  readonly jarFile?: string;
  /** What it differs in from `DEFAULT_POLICY`. */
  readonly policy?: Partial<Policy>;
  /** How footprints are found; `header` unless told otherwise. */
  readonly estimator?: Estimator;
  /** A processor by the name that `namedCpu` takes; this machine's unless told otherwise. */
  readonly cpu?: string;
  /** This machine unless told otherwise. */
  readonly machine?: OtherMachine;
  /** Which devices compute; `auto` unless told otherwise. */
  readonly gpu?: GpuChoice;
}

/** One jar with everything settled that doesn't depend on its model. */
export interface JarSettings extends JarRequest {
  /** The part it plays. */
  readonly role: Role;
  /** How its context is to be made. */
  readonly context: ContextSettings;
}

/** Which jars are judged together, and how, with everything settled. */
export interface Settings extends PlanRequest {
  /** The mode that the jars come from. */
  readonly mode: Mode;
  /** In the order in which they are admitted. */
  readonly jars: readonly JarSettings[];
  /** What is promised and what is kept back. */
  readonly policy: Policy;
  /** How footprints are found. */
  readonly estimator: Estimator;
  /** Which devices compute. */
  readonly gpu: GpuChoice;
}

/**
 * What was asked for, and the defaults where nothing was.
 *
 * @example
 * ```ts
 * import { completeSettings } from "./settings.ts";
 * const { mode, jars, policy } = completeSettings({ jars: [{ id: "mind" }] });
 * if (mode !== "jars" || jars[0]?.context.batchSize !== 512 || !policy.shareWeights) {
 *   throw new Error("The defaults");
 * }
 * ```
 */
export function completeSettings(request: PlanRequest): Settings {
  return {
    ...request,
    mode: request.mode ?? "jars",
    jars: request.jars.map((jar) => ({
      ...jar,
      role: jar.role ?? DEFAULT_ROLE,
      context: { ...DEFAULT_CONTEXT, ...jar.context },
    })),
    policy: { ...DEFAULT_POLICY, ...request.policy },
    estimator: request.estimator ?? DEFAULT_ESTIMATOR,
    gpu: request.gpu ?? DEFAULT_GPU,
  };
}
