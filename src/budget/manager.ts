import { defined } from "./defined.ts";
import type {
  AllocatedJar,
  AllocationRefusal,
  AllocationReport,
  AllocationResult,
  DeallocationResult,
  PoolAllocation,
  PoolDeallocation,
  PoolReport,
} from "./allocation.ts";
import type { JarFootprint } from "./demand.ts";
import type { MachineMemory } from "./memory.ts";
import { checkPolicy, type Policy, usableBytes } from "./policy.ts";
import { figuresOfRam, type Pool, type PoolBytes, poolsOf, RAM } from "./pools/pools.ts";
import { poolRefusal } from "./pools/refusal.ts";
import { judgeLoad, type PreflightResult } from "./preflight.ts";
import { addedBytes, checkFootprint, footprintBytes, isLimit } from "./required.ts";
import {
  addedOf,
  handOver,
  markFilled,
  markFound,
  markHeld,
  poolsNeeded,
  type Reservation,
  unfilledBytesOf,
} from "./pools/reservations.ts";
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
  /** The same of devices: what is held there already and no live jar counts. */
  readonly residentOn?: readonly PoolBytes[];
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

/**
 * Layer 2: holds the reservations of the jars and refuses what doesn't fit
 * (src/budget/README.md, "Layer 2"), pool by pool. The sum of reservations is always that of the live
 * jars, shared weights counted once, and never more than the safe threshold.
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
  /** Devices as they were seen last: one that is gone still has a size for the report. */
  readonly #devices = new Map<string, Pool>();
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
  }

  /** Sum of the live reservations in RAM, in bytes. */
  get reservedBytes(): number {
    return this.#reservedIn(RAM);
  }

  /** The same of each pool that jars have reserved something of, RAM first. */
  get reserved(): readonly PoolBytes[] {
    const ids = new Set([RAM, ...this.#reservations.flatMap(poolsNeeded)]);
    return [...ids].map((id) => ({ id, bytes: this.#reservedIn(id) }));
  }

  /**
   * Reserves a jar's required memory in every pool, or says why not.
   *
   * @param ramLimitBytes `undefined` where no limit was given.
   * @throws {BrainjarError} `invalid-footprint` where the model's figures aren't numbers.
   */
  allocate(id: string, ramLimitBytes: number | undefined, model: ModelDemand): AllocationResult {
    checkFootprint(id, model.footprint);
    const { path, footprint, residentBytes = 0, residentOn = [], isLoaded = false } = model;
    const reservation: Reservation = {
      id,
      model: path,
      footprint,
      ...defined({ ramLimitBytes }),
      resident: new Map(),
      isLoaded,
    };
    const after = [...this.#reservations, reservation];
    markFound(after, [{ id: RAM, bytes: residentBytes }, ...residentOn], this.#policy);
    const there = this.#poolsNow();
    const pools = poolsNeeded(reservation).map((pool) => this.#allocation(pool, after, there));
    const refusal = this.#refusal(reservation, pools, after, there);
    if (refusal) return { ok: false, id, ...refusal };

    this.#reservations = after;
    return { ok: true, id, ...figuresOfRam(pools), pools };
  }

  /** What the last of these reservations would take of a pool. */
  #allocation(
    id: string,
    after: readonly Reservation[],
    there: readonly Pool[],
  ): PoolAllocation {
    const totalBytes = sum(addedBytes(after, this.#policy, id));
    const usable = this.#usableBytes(there.find((pool) => pool.id === id));
    return {
      id,
      allocatedBytes: totalBytes - this.#reservedIn(id),
      totalBytes,
      usableBytes: usable,
      remainingBytes: usable - totalBytes,
    };
  }

  #refusal(
    { id, ramLimitBytes }: Reservation,
    pools: readonly PoolAllocation[],
    after: readonly Reservation[],
    there: readonly Pool[],
  ): AllocationRefusal | undefined {
    if (this.#reservations.some((reservation) => reservation.id === id)) {
      return { reason: "already-allocated" };
    }
    if (id.trim() === "") return { reason: "empty-id" };
    if (ramLimitBytes !== undefined && !isLimit(ramLimitBytes)) {
      return { reason: "invalid-limit", ramLimitBytes };
    }
    const [before, policy] = [this.#reservations, this.#policy];
    return poolRefusal({ pools, before, after, there, policy });
  }

  /** Gives a jar's reservation back. Weights that another live jar shares stay reserved. */
  deallocate(id: string): DeallocationResult {
    const before = this.#reservations;
    const leaving = before.find((reservation) => reservation.id === id);
    const ids = leaving === undefined ? [RAM] : poolsNeeded(leaving);
    const reservedBefore = ids.map((pool) => this.#reservedIn(pool));
    if (leaving !== undefined) {
      handOver(leaving, before, this.#policy);
      this.#reservations = before.filter((reservation) => reservation !== leaving);
    }
    const pools = ids.map((pool, index): PoolDeallocation => {
      const totalBytes = this.#reservedIn(pool);
      return { id: pool, givenBackBytes: (reservedBefore[index] ?? 0) - totalBytes, totalBytes };
    });
    return { ok: leaving !== undefined, id, ...figuresOfRam(pools), pools };
  }

  /**
   * Says that a jar is loaded, and how much of its reservation is already missing from the machine's
   * available memory: the anonymous memory that it added, in bytes. (Mapped weights in the page
   * cache still count as available to the kernel, so they stay to be filled.) An unknown id is ignored.
   */
  markResident(id: string, bytes: number): void {
    const reservation = this.#reservations.find((reservation) => reservation.id === id);
    if (!reservation) return;
    reservation.resident.set(RAM, Math.max(0, bytes));
    reservation.isLoaded = true;
  }

  /**
   * Says that a jar has brought so many bytes more into memory since: what it took over from one that
   * shared its weights, and died, stays counted. An unknown id is ignored.
   *
   * @param heldBytes What this process holds of anonymous memory now: what grew again after it was
   * given back isn't counted twice.
   */
  markGrowth(id: string, bytes: number, heldBytes: number): void {
    const resident = this.#reservations.find((reservation) => reservation.id === id)?.resident;
    const marked = sum(this.#reservations.map((one) => one.resident.get(RAM) ?? 0));
    const grownBy = Math.min(bytes, heldBytes - marked);
    if (grownBy > 0) resident?.set(RAM, (resident.get(RAM) ?? 0) + grownBy);
  }

  /**
   * Says that a jar has filled its reservations on devices, but for so much. An unknown id is ignored.
   */
  markOnDevices(id: string, unfilled: readonly PoolBytes[] = []): void {
    const reservation = this.#reservations.find((reservation) => reservation.id === id);
    if (reservation) markFilled(this.#reservations, reservation, unfilled, this.#policy);
  }

  /** Says what this process holds on devices in all, which fills the reservations in their order. */
  markHeldOn(held: readonly PoolBytes[]): void {
    for (const pool of held) markHeld(this.#reservations, pool, this.#policy);
  }

  /** Reserved in a pool for the jars, `exceptId`'s left out, and not resident yet, in bytes. */
  unfilledBytes(exceptId?: string, pool: string = RAM): number {
    return unfilledBytesOf(this.#reservations, this.#policy, pool, exceptId);
  }

  /**
   * Layer 3 for a jar that is allocated: what it still has to bring into each pool, against what is
   * available there beside the other jars' reservations. `undefined` for an unknown id.
   */
  checkBeforeLoad(id: string): PreflightResult | undefined {
    const reservation = this.#reservations.find((reservation) => reservation.id === id);
    if (reservation === undefined) return undefined;
    const toLoad = poolsNeeded(reservation).map((pool) => {
      const unfilledBytes = this.unfilledBytes(id, pool);
      const requiredBytes = this.unfilledBytes(undefined, pool) - unfilledBytes;
      return { id: pool, requiredBytes, unfilledBytes };
    });
    return judgeLoad(toLoad, { memory: this.#readMemory(), policy: this.#policy });
  }

  /** What is given out and what is left; `report/` has the words. */
  getAllocationReport(): AllocationReport {
    const there = this.#poolsNow();
    const gone = this.reserved.filter(({ id }) => there.every((pool) => pool.id !== id))
      .flatMap(({ id }) => this.#devices.get(id) ?? []);
    const pools = [...there, ...gone].map((pool): PoolReport => {
      const allocatedBytes = this.#reservedIn(pool.id);
      const usable = this.#usableBytes(pool);
      return {
        id: pool.id,
        totalBytes: pool.id === RAM ? this.#totalBytes : pool.totalBytes,
        usedPercent: usedPercent(pool),
        usableBytes: usable,
        allocatedBytes,
        remainingBytes: usable - allocatedBytes,
      };
    });
    const jars = this.#reservations.map((one) => this.#allocatedJar(one));
    return { ...figuresOfRam(pools), pools, jars };
  }

  #allocatedJar(reservation: Reservation): AllocatedJar {
    const { id, model, footprint } = reservation;
    const pools = poolsNeeded(reservation).map((pool) => ({
      id: pool,
      allocatedBytes: addedOf(this.#reservations, this.#policy, pool).get(reservation) ?? 0,
    }));
    return {
      id,
      allocatedBytes: pools[0]?.allocatedBytes ?? 0,
      modelBytes: Math.ceil(footprintBytes(footprint, this.#policy.criterion)),
      model,
      pools,
    };
  }

  #reservedIn(pool: string): number {
    return sum(addedBytes(this.#reservations, this.#policy, pool));
  }

  /** RAM's safe threshold is that of the start; a device's that of now, and none where it is gone. */
  #usableBytes(pool: Pool | undefined): number {
    const totalBytes = pool?.id === RAM ? this.#totalBytes : pool?.totalBytes ?? 0;
    return usableBytes(totalBytes, this.#policy);
  }

  #poolsNow(): readonly Pool[] {
    const pools = poolsOf(this.#readMemory());
    for (const pool of pools) this.#devices.set(pool.id, pool);
    return pools;
  }
}
