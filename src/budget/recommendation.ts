import type { Changes } from "./changes.ts";
import type { PoolBytes } from "./pools/pools.ts";

/** A device that would be enough. All bytes whole. */
export interface NeededDevice {
  /** `cuda:0`. */
  readonly id: string;
  /** All of it. */
  readonly totalBytes: number;
  /** What of it has to be free. */
  readonly availableBytes: number;
}

/** Something to do about a failure, or to have more on devices, checked to help. */
export type Recommendation =
  | {
    /** Ask for something else; a validation with these changes passed and required this much. */
    readonly kind: "changes";
    readonly changes: Changes;
    /** Of RAM. */
    readonly requiredBytes: number;
    /** Of each device that jars then need something on; absent where there is none. */
    readonly devices?: readonly PoolBytes[];
    /** The jar file that what was asked for may stand in. */
    readonly jarFile?: string;
  }
  | {
    /** Close other programs: this much more must become available. */
    readonly kind: "free-memory";
    /** Of RAM; 0 where there is enough of it. */
    readonly bytes: number;
    /** Of devices. */
    readonly devices?: readonly PoolBytes[];
  }
  | {
    /** It passes with so many layers on devices; with these changes all would be there. */
    readonly kind: "more-layers";
    readonly count: number;
    readonly of: number;
    readonly changes: Changes;
  }
  | {
    /** No change helps here; the smallest machine that would do. */
    readonly kind: "machine";
    /** Of RAM. */
    readonly totalBytes: number;
    readonly availableBytes: number;
    /** Devices that are short or not there, as they would have to be; absent where none is. */
    readonly devices?: readonly NeededDevice[];
    /** Only devices are short. */
    readonly ramIsEnough?: true;
    /** What is to differ even there: limits that jars don't fit in. */
    readonly changes?: Changes;
  };
