/** Why layer 2 refused, first reason first (src/budget/README.md, "Layer 2"). All bytes whole. */
export type AllocationRefusal =
  | { readonly reason: "already-allocated" }
  | { readonly reason: "empty-id" }
  | { readonly reason: "invalid-limit"; readonly ramLimitBytes: number }
  | {
    /** The jar needs something on a device that the machine doesn't have, or has no more. */
    readonly reason: "no-such-device";
    readonly pool: string;
    readonly requestedBytes: number;
  }
  | {
    readonly reason: "exceeds-budget";
    /** The device whose budget it is; absent where it is RAM's. */
    readonly pool?: string;
    /** What this jar would add to the reservations. */
    readonly requestedBytes: number;
    readonly totalAfterBytes: number;
    readonly usableBytes: number;
    readonly excessBytes: number;
  }
  | {
    readonly reason: "insufficient-available";
    /** The device whose memory it is; absent where it is RAM. */
    readonly pool?: string;
    readonly requestedBytes: number;
    /** 0 on a device. */
    readonly headroomBytes: number;
    /** requested + headroom, less what is resident for the jar already. */
    readonly neededBytes: number;
    /** Less what is reserved for jars and not yet resident. */
    readonly availableBytes: number;
    readonly shortBytes: number;
  };

/** What a reservation took of one pool. All bytes whole. */
export interface PoolAllocation {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** What this jar added: its required memory, less what a jar before it holds of that. */
  readonly allocatedBytes: number;
  /** What all jars have reserved there now. */
  readonly totalBytes: number;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** What of the safe threshold is still free after this. */
  readonly remainingBytes: number;
}

/** A reservation that was made; figures without a pool are RAM's. All bytes whole. */
export interface AllocationApproval extends Omit<PoolAllocation, "id"> {
  /** RAM first, then each device that the jar needs something on. */
  readonly pools: readonly PoolAllocation[];
}

/** Layer 2's answer. */
export type AllocationResult =
  | ({ readonly ok: true; readonly id: string } & AllocationApproval)
  | ({ readonly ok: false; readonly id: string } & AllocationRefusal);

/** What was given back of one pool. All bytes whole. */
export interface PoolDeallocation {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** The bytes of the reservation; 0 for an unknown jar. */
  readonly givenBackBytes: number;
  /** What remains reserved. */
  readonly totalBytes: number;
}

/** What a deallocation gave back; figures without a pool are RAM's. All bytes whole. */
export interface DeallocationResult extends Omit<PoolDeallocation, "id"> {
  /** False for an id that wasn't allocated; it gives back nothing. */
  readonly ok: boolean;
  /** The id that was asked for. */
  readonly id: string;
  /** RAM first, then each device that the jar had something on. */
  readonly pools: readonly PoolDeallocation[];
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
  /** What it adds in each pool: RAM first, then each device that it needs something on. */
  readonly pools: readonly { readonly id: string; readonly allocatedBytes: number }[];
}

/** What is given out of one pool and what is left. All bytes whole. */
export interface PoolReport {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** All of it now. */
  readonly totalBytes: number;
  /** Memory in use there by everyone, 0 to 100. */
  readonly usedPercent: number;
  /** The safe threshold. */
  readonly usableBytes: number;
  /** Sum over the jars. */
  readonly allocatedBytes: number;
  /** What of the safe threshold is still free. */
  readonly remainingBytes: number;
}

/** What is given out and what is left; figures without a pool are RAM's. All bytes whole. */
export interface AllocationReport extends Omit<PoolReport, "id"> {
  /** RAM first, then the machine's devices. */
  readonly pools: readonly PoolReport[];
  /** The live jars, in the order of their allocation. */
  readonly jars: readonly AllocatedJar[];
}
