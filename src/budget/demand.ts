/** The parts that jars play. */
export const ROLES = ["subject", "observer", "god"] as const;

/** The part a jar plays. */
export type Role = (typeof ROLES)[number];

/** How many jars, and which; `jars` are those of a jar file. */
export const MODES = ["single", "matrix", "peer", "jars"] as const;

/** How many jars, and which. */
export type Mode = (typeof MODES)[number];

/** The figures that a verdict can be held against. */
export const CRITERIA = ["working-set", "floor"] as const;

/** Which figure a verdict is held against (src/budget/README.md, "Formulas"). */
export type Criterion = (typeof CRITERIA)[number];

/**
 * What one jar needs on one device, alone in a process of its own. All bytes whole. There is no
 * floor beside a working set there: what is too little on a device is too little.
 */
export interface DeviceFootprint {
  /** The pool: `cuda:0`. */
  readonly id: string;
  /** All of it: weights, context, and what the process holds there. */
  readonly bytes: number;
  /** What a second jar on the same loaded model doesn't need again, `processBytes` among it. */
  readonly sharedBytes: number;
  /** What no second model in the same process needs again: the backend's own context. */
  readonly processBytes: number;
  /** What of it is taken only once it thinks (workspaces, kernels); nothing where absent. */
  readonly thinkingBytes?: number;
}

/**
 * What one jar needs, alone in a process of its own. All bytes whole.
 *
 * `shared` is the part that a second jar on the same loaded model doesn't need again: weights,
 * their repacked copy, the vocabulary and the runtime.
 */
export interface JarFootprint {
  /** Anonymous memory at its highest: below it the kernel kills. */
  readonly floorBytes: number;
  /** Floor and the file-backed weights that every token reads: below it the disk is read for each. */
  readonly workingSetBytes: number;
  /** What a second jar on the same loaded model doesn't need again. */
  readonly shared: { readonly floorBytes: number; readonly workingSetBytes: number };
  /** How the floor comes about, for several jars in one process; without it they just add up. */
  readonly loading?: {
    /** Anonymous memory at its highest while the model is loaded, before there is a context. */
    readonly bytes: number;
    /** What of the floor is there to stay. */
    readonly lastingBytes: number;
    /** What no second model in the same process needs again, shared weights or not. */
    readonly processBytes: number;
    /** What of that the kernel keeps beside the process's pages: no reading of the process shows it. */
    readonly kernelBytes?: number;
    /** The same of the working set beyond the floor, pages of the program's own files; none where absent. */
    readonly programBytes?: number;
  };
  /** What it needs on devices, those it needs nothing on left out; absent where it needs none. */
  readonly devices?: readonly DeviceFootprint[];
  /** What it allocates beside its floor, for limits that count it; without it nothing. */
  readonly allocated?: {
    /** Of its own context: compute buffers beyond what is touched, stacks, space between blocks. */
    readonly untouchedBytes: number;
    /** Of the process, once for all jars. */
    readonly processBytes: number;
    /** The files that are mapped while the model is loaded. */
    readonly mappedBytes: number;
    /** Address space that the process reserves besides, once for all jars. */
    readonly addressSpaceBytes: number;
    /** Most that is committed while the engine opens, which tries itself in a second process. */
    readonly openingBytes: number;
  };
}

/** How many layers of a jar's model lie on devices. */
export interface LayersOnDevices {
  /** Those that are there. */
  readonly count: number;
  /** All that there are, the output counted as one. */
  readonly of: number;
  /** Whether the number was found (`--gpu-layers auto`) and not asked for. */
  readonly isFound: boolean;
  /** The pool that one layer more would not have passed with; absent where all are there. */
  readonly heldBy?: string;
}

/** One jar as the budget sees it. */
export interface InstanceDemand {
  /** `subject`, `observer`, `god`, `peer_a`, …; unique. */
  readonly id: string;
  /** The part it plays. */
  readonly role: Role;
  /** What makes two jars share weights: the name that people know the model by, one for each. */
  readonly model: string;
  /** Absent where no limit was given. */
  readonly ramLimitBytes?: number;
  /** Absent where the engine drives no device. */
  readonly gpuLayers?: LayersOnDevices;
  /** What it needs, alone in a process of its own. */
  readonly footprint: JarFootprint;
}
