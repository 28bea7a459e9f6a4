import type { AllocationRefusal, PoolAllocation } from "../allocation.ts";
import type { Policy } from "../policy.ts";
import { namedPool, type Pool, RAM } from "./pools.ts";
import { type Reservation, unfilledBytesOf } from "./reservations.ts";

/** A reservation that is asked for, and what there is for it. */
interface Asked {
  /** What it would take of each pool that it needs. */
  readonly pools: readonly PoolAllocation[];
  /** The live reservations. */
  readonly before: readonly Reservation[];
  /** Those and the one that is asked for. */
  readonly after: readonly Reservation[];
  /** The machine's pools now. */
  readonly there: readonly Pool[];
  readonly policy: Policy;
}

/**
 * Why some pool has no room for a reservation, if one hasn't: first a device that isn't there, then
 * the safe threshold of each pool, then what is available in each (src/budget/README.md, "Layer 2").
 */
export function poolRefusal(
  { pools, before, after, there, policy }: Asked,
): AllocationRefusal | undefined {
  const gone = pools.find((pool) => there.every(({ id }) => id !== pool.id));
  if (gone !== undefined) {
    const { id: pool, allocatedBytes: requestedBytes } = gone;
    return { reason: "no-such-device", pool, requestedBytes };
  }
  const over = pools.find(({ totalBytes, usableBytes }) => totalBytes > usableBytes);
  if (over !== undefined) {
    return {
      reason: "exceeds-budget",
      ...namedPool(over.id),
      requestedBytes: over.allocatedBytes,
      totalAfterBytes: over.totalBytes,
      usableBytes: over.usableBytes,
      excessBytes: over.totalBytes - over.usableBytes,
    };
  }
  for (const { id, allocatedBytes } of pools) {
    // What jars need on a device is allocated up front: nothing grows beside it.
    const headroomBytes = id === RAM ? policy.allocationHeadroomBytes : 0;
    const unfilledBytes = unfilledBytesOf(before, policy, id);
    const neededBytes = unfilledBytesOf(after, policy, id) - unfilledBytes + headroomBytes;
    const now = there.find((pool) => pool.id === id)?.availableBytes ?? 0;
    const availableBytes = now - unfilledBytes;
    if (availableBytes >= neededBytes) continue;
    return {
      reason: "insufficient-available",
      ...namedPool(id),
      requestedBytes: allocatedBytes,
      headroomBytes,
      neededBytes,
      availableBytes,
      shortBytes: neededBytes - availableBytes,
    };
  }
  return undefined;
}
