import type { AllocationResult } from "./allocation.ts";
import type { Criterion, LayersOnDevices, Mode, Role } from "./demand.ts";
import type { AllocatedKind, MachineMemory } from "./memory.ts";
import type { PoolKind } from "./pools/pools.ts";
import type { PreflightResult } from "./preflight.ts";
import type { Recommendation } from "./recommendation.ts";

/**
 * Why a set of jars doesn't fit: even their floor is too large (the kernel would kill), only the
 * floor fits (weights would be read from disk for every token), or the footprints fit and only the
 * RAM limits are too large.
 */
export type SumIssueCode = "would-be-killed" | "would-thrash" | "over-reserved";

/** Rules 1 and 2: a limit that the sum of required exceeds. All bytes whole. */
export interface SumIssue {
  /** What would happen. */
  readonly code: SumIssueCode;
  /** The safe threshold (rule 1) or what is available now (rule 2). */
  readonly limit: "usable" | "available";
  /** What the limit counts, where that isn't memory that is filled: then allocations fail. */
  readonly counts?: AllocatedKind;
  /** The most there may be. */
  readonly limitBytes: number;
  /** The sum of what is required. */
  readonly requiredBytes: number;
  /** required − limit, more than zero. */
  readonly excessBytes: number;
  /** What the jars need together to stay alive, and to run at full speed. */
  readonly floorBytes: number;
  /** The sum of working sets, shared weights once. */
  readonly workingSetBytes: number;
}

/**
 * Rules 1 and 2 of a device: a limit that the sum of required there exceeds. What is too little on a
 * device is too little: the load fails there, or the first thought ends the process. All bytes whole.
 */
export interface DeviceSumIssue {
  /** What would happen. */
  readonly code: "device-memory";
  /** The device: `cuda:0`. */
  readonly pool: string;
  /** The safe threshold (rule 1) or what is available now (rule 2). */
  readonly limit: "usable" | "available";
  /** The most there may be. */
  readonly limitBytes: number;
  /** The sum of what is required there. */
  readonly requiredBytes: number;
  /** required − limit, more than zero. */
  readonly excessBytes: number;
}

/** Jars need something on a device that the machine doesn't have. */
export interface NoDeviceIssue {
  /** What would happen. */
  readonly code: "no-such-device";
  /** The device: `cuda:1`. */
  readonly pool: string;
  /** Who needs it. */
  readonly ids: readonly string[];
  /** What they need there, in whole bytes. */
  readonly requiredBytes: number;
}

/** Rule 3: a jar that needs more than its own RAM limit. All bytes whole. */
export interface OverLimitIssue {
  /** Told apart by it. */
  readonly code: "over-limit";
  /** Whose limit it is. */
  readonly id: string;
  /** What it needs, its context being as small as it may. */
  readonly footprintBytes: number;
  /** What it may have. */
  readonly ramLimitBytes: number;
  /** footprint − limit, more than zero. */
  readonly excessBytes: number;
}

/** Rule 4: what layer 2 would say of a jar when its turn comes. */
export interface AllocationIssue {
  /** The refusal's own code. */
  readonly code: "allocation-refused";
  /** Which jar it would refuse. */
  readonly id: string;
  /** The layer's answer, the jars before this one being there. */
  readonly allocation: Extract<AllocationResult, { readonly ok: false }>;
}

/** Rule 4: what layer 3 would say of a jar when its turn comes. */
export interface LoadIssue {
  /** The refusal's own code. */
  readonly code: "load-refused";
  /** Which jar it would refuse. */
  readonly id: string;
  /** The layer's answer, the jars before this one being there. */
  readonly preflight: PreflightResult;
}

/** Rule 4: the watch of a run would ask a jar to die. All bytes whole. */
export interface WatchIssue {
  /** What the jar would die of. */
  readonly code: "available-memory";
  /** The device whose memory it is; absent where it is RAM. */
  readonly pool?: string;
  /** What would be available with all jars alive; negative where they need more than there is. */
  readonly availableBytes: number;
  /** What the watch keeps free. */
  readonly leastBytes: number;
  /** least − available, more than zero. */
  readonly shortBytes: number;
}

/** A jar asks for more than any machine has that its scheduler offers. All bytes whole. */
export interface NoMachineIssue {
  /** What would happen: it would wait for ever, or be refused. */
  readonly code: "no-machine-offered";
  /** Which jar. */
  readonly id: string;
  /** What was to start it. */
  readonly launcher: string;
  /** What it asks for. */
  readonly memoryBytes: number;
  /** Devices that it asks for. */
  readonly gpus: number;
  /** How many machines are offered at all. */
  readonly machines: number;
  /** The largest of those that have as many devices; absent where none has. */
  readonly largest?: { readonly name: string; readonly memoryBytes: number };
}

/** Why a set of jars doesn't pass, told apart by `code`. */
export type Issue =
  | SumIssue
  | DeviceSumIssue
  | NoDeviceIssue
  | OverLimitIssue
  | AllocationIssue
  | LoadIssue
  | WatchIssue
  | NoMachineIssue;

/** The codes of all rules. */
export type IssueCode = Issue["code"];

/** What deserves a word, pass or fail. */
export type Warning =
  | {
    /** Rule 5: one jar needs more than half of usable. */
    readonly code: "large-instance";
    readonly id: string;
    /** The device that it is about; absent where that is RAM. */
    readonly pool?: string;
    readonly requiredBytes: number;
    readonly usableBytes: number;
  }
  | {
    /** Rule 6: the kernel reports stalls. */
    readonly code: "memory-pressure";
    readonly someAverage10: number;
  }
  | {
    /** Rule 6: less than a tenth of RAM, or of a device that jars need, is available. */
    readonly code: "low-available";
    /** The device that it is about; absent where that is RAM. */
    readonly pool?: string;
    readonly availableBytes: number;
    readonly totalBytes: number;
  }
  | {
    /** Accepted by `--criterion floor`, yet it will read weights from disk for every token. */
    readonly code: "reads-from-disk";
    readonly workingSetBytes: number;
    readonly limitBytes: number;
  };

/** What one jar needs of one pool. All bytes whole. */
export interface InstancePool {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** What it requires there, alone. */
  readonly requiredBytes: number;
  /** The part of it that a jar listed before it already counts. */
  readonly sharedBytes: number;
}

/** One pool's figures. All bytes whole. */
export interface PoolValidation {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** What it is. */
  readonly kind: PoolKind;
  /** All of it. */
  readonly totalBytes: number;
  /** Less what is reserved there. */
  readonly availableBytes: number;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** Sum of required, each jar counted as if alone. */
  readonly sumBytes: number;
  /** What that sum counts more than once. */
  readonly sharedBytes: number;
  /** sum − shared: what all jars need together. */
  readonly requiredBytes: number;
  /** usable − required, never negative on a pass. */
  readonly marginBytes: number;
}

/** One jar's figures; those without a pool are RAM's. All bytes whole. */
export interface InstanceValidation {
  /** The instance's id. */
  readonly id: string;
  /** The part it plays. */
  readonly role: Role;
  /** The name that people know its model by, one for each. */
  readonly model: string;
  /** Its RAM limit, where it has one. */
  readonly ramLimitBytes?: number;
  /** Below it the kernel kills. */
  readonly floorBytes: number;
  /** Below it the disk is read for every token. */
  readonly workingSetBytes: number;
  /** The one of the two that the criterion asks for. */
  readonly footprintBytes: number;
  /** max(RAM limit, footprint). */
  readonly requiredBytes: number;
  /** The part of required that a jar listed before it already counts. */
  readonly sharedBytes: number;
  /** How many layers of its model lie on devices; absent where the engine drives none. */
  readonly gpuLayers?: LayersOnDevices;
  /** What it needs of each pool, RAM first; devices that it needs nothing on are left out. */
  readonly pools: readonly InstancePool[];
}

/** Where one jar is to live, and what it is started with. All bytes whole. */
export interface InstancePlace {
  /** The instance's id. */
  readonly id: string;
  /** The part it plays. */
  readonly role: Role;
  /** The name that people know its model by. */
  readonly model: string;
  /** Its RAM limit, where it has one. */
  readonly ramLimitBytes?: number;
  /** What starts its process, for people; absent where it lives in the run's own. */
  readonly launcher?: string;
  /** Whether it takes this machine's memory, which layer 1 judges. */
  readonly isHere: boolean;
  /** What its launcher is asked to hold it to; absent where it is held to nothing. */
  readonly limitBytes?: number;
  /** What it needs by estimate, and asks for where its launcher takes a request. */
  readonly requestBytes: number;
  /** Below it the kernel kills. */
  readonly floorBytes: number;
  /** Below it the disk is read for every token. */
  readonly workingSetBytes: number;
  /** How many layers of its model lie on devices; absent where the engine drives none. */
  readonly gpuLayers?: LayersOnDevices;
  /** What it needs on devices. */
  readonly devices?: readonly { readonly id: string; readonly requiredBytes: number }[];
}

/** Layer 1's answer, with every figure it was reached by; those without a pool are RAM's. All bytes whole. */
export interface Validation {
  /** Whether it passes. */
  readonly ok: boolean;
  /** `ok` in a word. */
  readonly verdict: "pass" | "fail";
  /** The mode that was asked for. */
  readonly mode: Mode;
  /** Which figure the verdict is held against. */
  readonly criterion: Criterion;
  /** Whether jars on the same model share one load of it. */
  readonly shareWeights: boolean;
  /** Percentage of total RAM never given out. */
  readonly safetyMarginPercent: number;
  /** Kept free beside a jar when it is allocated. */
  readonly allocationHeadroomBytes: number;
  /** Kept free beside a model when it is loaded. */
  readonly loadHeadroomBytes: number;
  /** What the machine has. */
  readonly memory: MachineMemory;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** Sum of required, each jar counted as if alone. */
  readonly sumBytes: number;
  /** Weights that the sum counts more than once; 0 where they aren't shared. */
  readonly sharedWeightBytes: number;
  /** sum − shared: what all jars need together. */
  readonly requiredBytes: number;
  /** usable − required, never negative on a pass. */
  readonly marginBytes: number;
  /** All jars together, shared parts once, RAM limits left aside. */
  readonly floorBytes: number;
  /** The sum of working sets, shared weights once. */
  readonly workingSetBytes: number;
  /** Each pool of the machine, RAM first. */
  readonly pools: readonly PoolValidation[];
  /** Each instance that takes this machine's memory, as given. */
  readonly instances: readonly InstanceValidation[];
  /**
   * Where each jar is to live, also those that aren't judged here, in the run's order; absent where all
   * of them live in the run's own process.
   */
  readonly places?: readonly InstancePlace[];
  /** Why it fails; empty where it passes. */
  readonly issues: readonly Issue[];
  /** What to know, pass or fail. */
  readonly warnings: readonly Warning[];
  /** Empty until `recommend` has filled it. */
  readonly recommendations: readonly Recommendation[];
}
