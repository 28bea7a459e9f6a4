import { defined } from "../../budget/defined.ts";
import type { InstanceDemand } from "../../budget/demand.ts";
import { leastAvailableOf } from "../../budget/policy.ts";
import { bytesIn, poolsOf, RAM } from "../../budget/pools/pools.ts";
import { poolsNeeded } from "../../budget/pools/reservations.ts";
import { requiredOn, sharedOn } from "../../budget/required.ts";
import type { Jar } from "../jar/jar.ts";
import { reservedOn } from "../jar/seen_process.ts";
import type { RunState } from "../run_state.ts";
import { freeBytes, nextToDie } from "./judge_memory.ts";
import type { MemorySample, SampledJar, SharedWeights } from "./memory_sample.ts";
import { unfilledOn } from "./on_devices.ts";

/**
 * What memory looks like by what was read last: nothing is read here, so that a sample costs next to
 * nothing.
 */
export function sampleMemory(jars: readonly Jar[], run: RunState): MemorySample {
  const { manager, memory, policy, turn } = run;
  const { current, lastOwnBytes: processBytes } = memory;
  const { reserved } = manager;
  const seen = sampledJars(jars, run);
  const besides = seen.filter(({ process }) => process?.isHere);
  const pools = poolsOf(current).map((pool) => ({
    id: pool.id,
    kind: pool.kind,
    totalBytes: pool.totalBytes,
    freeBytes: freeBytes(pool),
    reservedBytes: bytesIn(pool.id, reserved) + reservedOn(pool.id, besides),
    leastBytes: leastAvailableOf(pool),
  }));
  const living = jars.filter(({ isHere, state }) => isHere && state.kind === "alive")
    .map(demandOf);
  const look = { memory: current, ownAnonymousBytes: processBytes, unfilledOn: unfilledOn(run) };
  const next = nextToDie(look, living, policy.shareWeights);
  return {
    event: "memory",
    turn,
    pools,
    jars: seen,
    shared: policy.shareWeights ? sharedWeights(living, run) : [],
    ...defined({ processBytes, pressurePercent: current.pressure?.someAverage10, next }),
  };
}

function demandOf(jar: Jar): InstanceDemand {
  return jar.config.demand;
}

function sampledJars(jars: readonly Jar[], { manager, policy }: RunState): SampledJar[] {
  const { jars: reservations } = manager.getAllocationReport();
  /** What of a jar's part of a pool isn't resident yet; what it shares with an earlier one left out. */
  const unfilledOf = (id: string, pool: string) =>
    manager.unfilledBytes(undefined, pool) - manager.unfilledBytes(id, pool);
  /** What nobody has filled of the weights that a jar shares with the one that reserved them. */
  const unfilledShared = (id: string, model: string, { pool, sharedBytes }: SharedPart) => {
    const first = reservations.find((one) => one.model === model);
    if (!policy.shareWeights || first === undefined || first.id === id) return 0;
    // Weights are loaded before the context: the first bytes are theirs.
    const added = first.pools.find((one) => one.id === pool)?.allocatedBytes ?? 0;
    return Math.max(0, sharedBytes - (added - unfilledOf(first.id, pool)));
  };
  return jars.map(({ id, sampled, config: { demand } }) => {
    if (sampled !== undefined) return { id, ...sampled };
    const isReserved = reservations.some((one) => one.id === id);
    return {
      id,
      pools: poolsNeeded(demand).map((pool) => {
        if (!isReserved) return { id: pool, reservedBytes: 0, residentBytes: 0 };
        const reservedBytes = requiredOn(pool, demand, policy.criterion);
        const sharedBytes = Math.floor(sharedOn(pool, demand.footprint, policy.criterion));
        const shared = unfilledShared(id, demand.model, { pool, sharedBytes });
        const resident = reservedBytes - unfilledOf(id, pool) - shared;
        const residentBytes = Math.min(reservedBytes, Math.max(0, resident));
        return { id: pool, reservedBytes, residentBytes };
      }),
    };
  });
}

interface SharedPart {
  readonly pool: string;
  readonly sharedBytes: number;
}

/** Models that several living jars are on. */
function sharedWeights(living: readonly InstanceDemand[], { policy }: RunState): SharedWeights[] {
  const groups = Map.groupBy(living, ({ model }) => model);
  return [...groups].filter(([, on]) => on.length > 1).map(([model, on]) => ({
    model,
    ids: on.map(({ id }) => id),
    bytes: Math.max(
      ...on.map(({ footprint }) => Math.floor(sharedOn(RAM, footprint, policy.criterion))),
    ),
  }));
}
