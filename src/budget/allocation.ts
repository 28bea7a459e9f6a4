/** Why layer 2 refused, first reason first (src/budget/README.md, "Layer 2"). All bytes whole. */
export type AllocationRefusal =
  | { readonly reason: "already-allocated" }
  | { readonly reason: "empty-id" }
  | { readonly reason: "invalid-limit"; readonly ramLimitBytes: number }
  | {
    readonly reason: "exceeds-budget";
    /** What this jar would add to the reservations. */
    readonly requestedBytes: number;
    readonly totalAfterBytes: number;
    readonly usableBytes: number;
    readonly excessBytes: number;
  }
  | {
    readonly reason: "insufficient-available";
    readonly requestedBytes: number;
    readonly headroomBytes: number;
    /** requested + headroom, less what is resident for the jar already. */
    readonly neededBytes: number;
    /** Less what is reserved for jars and not yet resident. */
    readonly availableBytes: number;
    readonly shortBytes: number;
  };

/** A reservation that was made. All bytes whole. */
export interface AllocationApproval {
  /** What this jar added: its required memory, less weights that a jar before it holds. */
  readonly allocatedBytes: number;
  /** Total RAM when it was decided. */
  readonly totalBytes: number;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** What of the safe threshold is still free after this. */
  readonly remainingBytes: number;
}

/** Layer 2's answer. */
export type AllocationResult =
  | ({ readonly ok: true; readonly id: string } & AllocationApproval)
  | ({ readonly ok: false; readonly id: string } & AllocationRefusal);

/** What a deallocation gave back. All bytes whole. */
export interface DeallocationResult {
  /** False for an id that wasn't allocated; it gives back nothing. */
  readonly ok: boolean;
  /** The id that was asked for. */
  readonly id: string;
  /** The bytes of its reservation; 0 for an unknown id. */
  readonly givenBackBytes: number;
  /** What remains reserved. */
  readonly totalBytes: number;
}

/** One live reservation. */
export interface AllocatedJar {
  /** The id it was allocated under. */
  readonly id: string;
  /** What it adds to the jars before it. */
  readonly allocatedBytes: number;
  /** Its model's footprint, alone. */
  readonly modelBytes: number;
  /** The name that people know the model by, one for each. */
  readonly model: string;
}

/** What is given out and what is left. All bytes whole. */
export interface AllocationReport {
  /** Total RAM now. */
  readonly totalBytes: number;
  /** Memory in use on the whole system, 0 to 100. */
  readonly usedPercent: number;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** Sum over the jars. */
  readonly allocatedBytes: number;
  /** What of the safe threshold is still free. */
  readonly remainingBytes: number;
  /** The live jars, in the order of their allocation. */
  readonly jars: readonly AllocatedJar[];
}
