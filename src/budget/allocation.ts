/** Why layer 2 refused, first reason first (RULES.md, "Layer 2"). All bytes whole. */
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
    /** Less what is promised to jars and not yet resident. */
    readonly availableBytes: number;
    readonly shortBytes: number;
  };

/** A reservation that was made. All bytes whole. */
export interface AllocationApproval {
  /** What this jar added: its required memory, less weights that a jar before it holds. */
  readonly allocatedBytes: number;
  readonly totalBytes: number;
  readonly usableBytes: number;
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
  readonly id: string;
  readonly givenBackBytes: number;
  /** What remains reserved. */
  readonly totalBytes: number;
}

/** One live reservation. */
export interface AllocatedJar {
  readonly id: string;
  /** What it adds to the jars before it. */
  readonly allocatedBytes: number;
  /** Its model's footprint, alone. */
  readonly modelBytes: number;
  readonly model: string;
}

/** What is given out and what is left. All bytes whole. */
export interface AllocationReport {
  readonly totalBytes: number;
  /** Memory in use on the whole system, 0 to 100. */
  readonly usedPercent: number;
  readonly usableBytes: number;
  /** Sum over the jars. */
  readonly allocatedBytes: number;
  readonly remainingBytes: number;
  readonly jars: readonly AllocatedJar[];
}
