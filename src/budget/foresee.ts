import { defined } from "./defined.ts";
import type { InstanceDemand } from "./demand.ts";
import { MemoryBudgetManager } from "./manager.ts";
import type { MachineMemory } from "./memory.ts";
import { leastAvailableOf, type Policy } from "./policy.ts";
import { namedPool, poolsOf } from "./pools/pools.ts";
import { poolsNeeded } from "./pools/reservations.ts";
import { addedBytes } from "./required.ts";
import { sum } from "./sum.ts";
import type { AllocationIssue, LoadIssue, WatchIssue } from "./validation.ts";

/** What is to be run on what, under which policy. */
interface Foreseen {
  /** In the order in which they are admitted. */
  readonly instances: readonly InstanceDemand[];
  readonly memory: MachineMemory;
  readonly policy: Policy;
}

/**
 * What a run on this memory would meet after layer 1: the first jar that layer 2 or 3 refuses when
 * its turn comes, the jars before it being loaded; else what its watch would kill for. Nothing where
 * all of them get in and stay (src/budget/README.md, "Layer 1", rule 4).
 *
 * A jar that is loaded counts here as reserved and not yet resident: what it has taken is missing
 * from what is available either way.
 *
 * @example
 * ```ts
 * import { foresee } from "./foresee.ts";
 * import { DEFAULT_POLICY } from "./policy.ts";
 * import { GB } from "./size.ts";
 *
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const footprint = { floorBytes: 2 * GB, workingSetBytes: 3 * GB, shared };
 * const issue = foresee({
 *   instances: [{ id: "subject", role: "subject", model: "a.gguf", footprint }],
 *   memory: { totalBytes: 8 * GB, availableBytes: 4.5 * GB, reservedBytes: 0, sources: [], warnings: [] },
 *   policy: DEFAULT_POLICY,
 * });
 * if (issue?.code !== "load-refused") throw new Error("3 and 2 GB of headroom, of 4.5");
 * ```
 */
export function foresee(
  { instances, memory, policy }: Foreseen,
): AllocationIssue | LoadIssue | WatchIssue | undefined {
  const manager = new MemoryBudgetManager({ policy, readMemory: () => memory });
  const loaded = new Set<string>();
  for (const { id, model, ramLimitBytes, footprint } of instances) {
    const isLoaded = policy.shareWeights && loaded.has(model);
    const allocation = manager.allocate(id, ramLimitBytes, { path: model, footprint, isLoaded });
    if (!allocation.ok) return { code: "allocation-refused", id, allocation };
    const preflight = manager.checkBeforeLoad(id);
    if (preflight?.ok === false) return { code: "load-refused", id, preflight };
    manager.markResident(id, 0);
    loaded.add(model);
  }
  return watchIssue({ instances, memory, policy });
}

/**
 * What the watch would kill for, RAM first. The kernel calls mapped weights available, and what only
 * loading needs is given back before the watch begins: what is missing for it in RAM is what lasts of
 * the floors.
 */
function watchIssue({ instances, memory, policy }: Foreseen): WatchIssue | undefined {
  const lasting = instances.map(({ model, footprint }) => {
    const { loading } = footprint;
    return {
      model,
      footprint: { ...footprint, ...defined({ loading: loading && { ...loading, bytes: 0 } }) },
    };
  });
  const { shareWeights } = policy;
  const watched = new Set(instances.flatMap(poolsNeeded));
  for (const pool of poolsOf(memory).filter(({ id }) => watched.has(id))) {
    const heldBytes = sum(addedBytes(lasting, { criterion: "floor", shareWeights }, pool.id));
    const availableBytes = pool.availableBytes - heldBytes;
    const leastBytes = leastAvailableOf(pool);
    const shortBytes = leastBytes - availableBytes;
    if (shortBytes <= 0) continue;
    return {
      code: "available-memory",
      ...namedPool(pool.id),
      ...{ availableBytes, leastBytes, shortBytes },
    };
  }
  return undefined;
}
