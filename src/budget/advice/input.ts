import type { Changes } from "../changes.ts";
import type { MachineMemory } from "../memory.ts";
import type { Validation } from "../validation.ts";

/** A machine by its size; its devices are the same where they aren't named. */
type MemorySize = Pick<MachineMemory, "totalBytes" | "availableBytes" | "devices">;

/** What could still be changed. */
export interface RecommendInput {
  /** One that failed; for one that passed nothing is recommended. */
  readonly validation: Validation;
  /**
   * Estimates and validates anew with these changes, on a machine of another size where one is
   * given; `undefined` where they can't be made (a cache type that the model doesn't take). Errors
   * go through.
   */
  readonly tryWith: (
    changes: Changes,
    memory?: MemorySize,
  ) => Validation | undefined | Promise<Validation | undefined>;
  /** Tokens of the largest context there is now. */
  readonly contextSize: number;
  /** Cache types smaller than the one in use, largest first. */
  readonly kvCacheTypes: readonly string[];
  /** Whether weights are mapped now. */
  readonly mmap: boolean;
}
