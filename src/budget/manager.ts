import { defined } from "./defined.ts";
import type {
  AllocationRefusal,
  AllocationReport,
  AllocationResult,
  DeallocationResult,
} from "./allocation.ts";
import type { JarFootprint } from "./demand.ts";
import type { MachineMemory } from "./memory.ts";
import { checkPolicy, type Policy, usableBytes } from "./policy.ts";
import { judgeLoad, type PreflightResult } from "./preflight.ts";
import { addedBytes, checkFootprint, footprintBytes, isLimit } from "./required.ts";
import type { RequiredDemand } from "./required.ts";
import { sum } from "./sum.ts";
import { usedPercent } from "./memory.ts";

/** What the manager needs to know of a model. */
export interface ModelDemand {
  /** Resolved path: what makes two jars share weights. */
  readonly path: string;
  /** What a jar on it needs. */
  readonly footprint: JarFootprint;
  /**
   * Bytes of the shared part that are loaded already, as after the death of the only jar on it:
   * available memory doesn't have to hold them again.
   */
  readonly residentBytes?: number;
  /** Whether the model is in memory: what only its loading needs isn't needed any more. */
  readonly isLoaded?: boolean;
}

/** How a manager is made. */
export interface ManagerOptions {
  /** Margin, headrooms and criterion. */
  readonly policy: Policy;
  /** Reads the machine; called at each decision. */
  readonly readMemory: () => MachineMemory;
  /** Total RAM in bytes; what `readMemory` says at the start, unless given. */
  readonly totalBytes?: number;
}

interface Reservation extends RequiredDemand {
  readonly id: string;
  /** Already missing from the machine's available memory, in bytes. */
  residentBytes: number;
  isLoaded: boolean;
}

/**
 * Layer 2: holds the reservations of the jars and refuses what doesn't fit
 * (src/budget/README.md, "Layer 2"). The sum of reservations is always that of the live jars, shared weights
 * counted once, and never more than the safe threshold.
 *
 * @example
 * ```ts
 * import { MemoryBudgetManager } from "./manager.ts";
 * import { DEFAULT_POLICY } from "./policy.ts";
 * import { GB } from "./size.ts";
 *
 * const manager = new MemoryBudgetManager({
 *   policy: DEFAULT_POLICY,
 *   readMemory: () => ({
 *     totalBytes: 16 * GB,
 *     availableBytes: 14 * GB,
 *     reservedBytes: 0,
 *     sources: [],
 *     warnings: [],
 *   }),
 * });
 * const shared = { floorBytes: 1 * GB, workingSetBytes: 2 * GB };
 * const model = {
 *   path: "a.gguf",
 *   footprint: { floorBytes: 2 * GB, workingSetBytes: 3 * GB, shared },
 * };
 * if (!manager.allocate("subject", 8 * GB, model).ok) throw new Error("8 of 13.6 GB fit");
 * if (manager.allocate("god", 12 * GB, model).ok) throw new Error("8 + 12 − 2 GB do not");
 * if (manager.deallocate("subject").givenBackBytes !== 8 * GB) throw new Error("All of it");
 * ```
 */
export class MemoryBudgetManager {
  readonly #policy: Policy;
  readonly #readMemory: () => MachineMemory;
  readonly #totalBytes: number;
  readonly #usableBytes: number;
  #reservations: readonly Reservation[] = [];

  /**
   * A manager that holds no reservation yet.
   *
   * @throws {BrainjarError} `invalid-safety-margin`, `invalid-headroom`.
   */
  constructor(options: ManagerOptions) {
    checkPolicy(options.policy);
    this.#policy = options.policy;
    this.#readMemory = options.readMemory;
    this.#totalBytes = options.totalBytes ?? options.readMemory().totalBytes;
    this.#usableBytes = usableBytes(this.#totalBytes, options.policy);
  }

  /** Sum of the live reservations, in bytes. */
  get reservedBytes(): number {
    return sum(addedBytes(this.#reservations, this.#policy));
  }

  /**
   * Reserves a jar's required memory, or says why not.
   *
   * @param ramLimitBytes `undefined` where no limit was given.
   * @throws {BrainjarError} `invalid-footprint` where the model's figures aren't numbers.
   */
  allocate(id: string, ramLimitBytes: number | undefined, model: ModelDemand): AllocationResult {
    checkFootprint(id, model.footprint);
    const reservation: Reservation = {
      id,
      model: model.path,
      footprint: model.footprint,
      ...defined({ ramLimitBytes }),
      residentBytes: 0,
      isLoaded: model.isLoaded ?? false,
    };
    const before = this.reservedBytes;
    const after = [...this.#reservations, reservation];
    const totalBytes = sum(addedBytes(after, this.#policy));
    const allocatedBytes = totalBytes - before;
    const added = addedBytes(after.map(remaining), this.#policy).at(-1) ?? 0;
    const residentMost = added - this.#contextBytes(reservation);
    reservation.residentBytes = Math.min(model.residentBytes ?? 0, Math.max(0, residentMost));
    const refusal = this.#refusal(reservation, allocatedBytes, totalBytes, after);
    if (refusal) return { ok: false, id, ...refusal };

    this.#reservations = after;
    return {
      ok: true,
      id,
      allocatedBytes,
      totalBytes,
      usableBytes: this.#usableBytes,
      remainingBytes: this.#usableBytes - totalBytes,
    };
  }

  /** What of a jar can't be there beforehand beside another: what a live jar on its model doesn't count. */
  #contextBytes(reservation: Reservation): number {
    if (this.#reservations.length === 0) return 0;
    const [alone = 0] = addedBytes([remaining(reservation)], this.#policy);
    return alone - footprintBytes(reservation.footprint.shared, this.#policy.criterion);
  }

  #refusal(
    { id, ramLimitBytes }: Reservation,
    requestedBytes: number,
    totalAfterBytes: number,
    after: readonly Reservation[],
  ): AllocationRefusal | undefined {
    if (this.#reservations.some((reservation) => reservation.id === id)) {
      return { reason: "already-allocated" };
    }
    if (id.trim() === "") return { reason: "empty-id" };
    if (ramLimitBytes !== undefined && !isLimit(ramLimitBytes)) {
      return { reason: "invalid-limit", ramLimitBytes };
    }
    if (totalAfterBytes > this.#usableBytes) {
      return {
        reason: "exceeds-budget",
        requestedBytes,
        totalAfterBytes,
        usableBytes: this.#usableBytes,
        excessBytes: totalAfterBytes - this.#usableBytes,
      };
    }
    const headroomBytes = this.#policy.allocationHeadroomBytes;
    const unfilledBytes = this.unfilledBytes();
    const neededBytes = unfilledBytesOf(after, this.#policy) - unfilledBytes + headroomBytes;
    const availableBytes = this.#readMemory().availableBytes - unfilledBytes;
    if (!(availableBytes >= neededBytes)) {
      return {
        reason: "insufficient-available",
        requestedBytes,
        headroomBytes,
        neededBytes,
        availableBytes,
        shortBytes: neededBytes - availableBytes,
      };
    }
    return undefined;
  }

  /** Gives a jar's reservation back. Weights that another live jar shares stay reserved. */
  deallocate(id: string): DeallocationResult {
    const before = this.reservedBytes;
    const leaving = this.#reservations.find((reservation) => reservation.id === id);
    if (!leaving) return { ok: false, id, givenBackBytes: 0, totalBytes: before };

    const remaining = this.#reservations.filter((reservation) => reservation !== leaving);
    this.#handOver(leaving, remaining);
    this.#reservations = remaining;
    const totalBytes = this.reservedBytes;
    return { ok: true, id, givenBackBytes: before - totalBytes, totalBytes };
  }

  /** Weights are loaded before the context, so what stays of a leaving jar is its first bytes. */
  #handOver(leaving: Reservation, remaining: readonly Reservation[]): void {
    const before = this.#added();
    const after = addedBytes(remaining, this.#policy);
    let residentBytes = leaving.residentBytes;
    for (const [index, other] of remaining.entries()) {
      const grownBy = (after[index] ?? 0) - (before.get(other) ?? 0);
      const takenOver = Math.min(residentBytes, grownBy);
      other.residentBytes += takenOver;
      residentBytes -= takenOver;
    }
  }

  /**
   * Says that a jar is loaded, and how much of its reservation is already missing from the machine's
   * available memory: the anonymous memory that it added, in bytes. (Mapped weights in the page
   * cache still count as available to the kernel, so they stay to be filled.) An unknown id is ignored.
   */
  markResident(id: string, bytes: number): void {
    const reservation = this.#reservations.find((reservation) => reservation.id === id);
    if (!reservation) return;
    reservation.residentBytes = Math.max(0, bytes);
    reservation.isLoaded = true;
  }

  /** Reserved for the jars, `exceptId`'s left out, and not resident yet, in bytes. */
  unfilledBytes(exceptId?: string): number {
    return unfilledBytesOf(this.#reservations, this.#policy, exceptId);
  }

  /**
   * Layer 3 for a jar that is allocated: what it still has to bring into memory, against what is
   * available beside the other jars' reservations. `undefined` for an unknown id.
   */
  checkBeforeLoad(id: string): PreflightResult | undefined {
    if (!this.#reservations.some((reservation) => reservation.id === id)) return undefined;
    const unfilledBytes = this.unfilledBytes(id);
    return judgeLoad(this.unfilledBytes() - unfilledBytes, {
      memory: this.#readMemory(),
      policy: this.#policy,
      unfilledBytes,
    });
  }

  /** What is given out and what is left; `report/` has the words. */
  getAllocationReport(): AllocationReport {
    const allocatedBytes = this.reservedBytes;
    return {
      totalBytes: this.#totalBytes,
      usedPercent: usedPercent(this.#readMemory()),
      usableBytes: this.#usableBytes,
      allocatedBytes,
      remainingBytes: this.#usableBytes - allocatedBytes,
      jars: [...this.#added()].map(([{ id, model, footprint }, added]) => ({
        id,
        allocatedBytes: added,
        modelBytes: Math.ceil(footprintBytes(footprint, this.#policy.criterion)),
        model,
      })),
    };
  }

  #added(): Map<Reservation, number> {
    const added = addedBytes(this.#reservations, this.#policy);
    return new Map(this.#reservations.map((reservation, index) => [
      reservation,
      added[index] ?? 0,
    ]));
  }
}

/** What a reservation still needs: a model that is loaded needs what its loading did no more. */
function remaining(reservation: Reservation): RequiredDemand {
  const { footprint, isLoaded } = reservation;
  if (!isLoaded || footprint.loading === undefined) return reservation;
  return {
    ...reservation,
    footprint: { ...footprint, loading: { ...footprint.loading, bytes: 0 } },
  };
}

/** Reserved for these jars, `exceptId`'s left out, and not resident yet, in bytes. */
function unfilledBytesOf(
  reservations: readonly Reservation[],
  policy: Policy,
  exceptId?: string,
): number {
  const added = addedBytes(reservations.map(remaining), policy);
  return sum(
    reservations.map(({ id, residentBytes }, index) =>
      id === exceptId ? 0 : Math.max(0, (added[index] ?? 0) - residentBytes)
    ),
  );
}
