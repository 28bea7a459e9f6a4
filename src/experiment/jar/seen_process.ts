import type { AllocationReport } from "../../budget/allocation.ts";
import { defined } from "../../budget/defined.ts";
import { RAM } from "../../budget/pools/pools.ts";
import { sum } from "../../budget/sum.ts";
import type { InstancePlace } from "../../budget/validation.ts";
import type { EndEvent } from "../events.ts";
import type { SampledJar } from "../memory/memory_sample.ts";

/** A jar in a process of its own as it was seen last: what it was started with, and what it held. */
export type ProcessReport = NonNullable<EndEvent["processes"]>[number];

/** What was seen last of jars in processes of their own. */
export function processReports(
  places: readonly InstancePlace[],
  sampled: readonly SampledJar[],
): ProcessReport[] {
  return places.flatMap((place) => {
    const { id, launcher, limitBytes, requestBytes, floorBytes, workingSetBytes } = place;
    if (launcher === undefined) return [];
    const { pools, process } = sampled.find((one) => one.id === id) ?? { pools: [] };
    return [{
      id,
      launcher,
      ...{ isHere: place.isHere, ...process },
      ...defined({ limitBytes }),
      requestBytes,
      floorBytes,
      workingSetBytes,
      pools,
    }];
  });
}

/** What jars have reserved of a pool, in bytes. */
export function reservedOn(pool: string, jars: readonly Pick<SampledJar, "pools">[]): number {
  return sum(
    jars.flatMap(({ pools }) =>
      pools.filter(({ id }) => id === pool).map(({ reservedBytes }) => reservedBytes)
    ),
  );
}

/** A report of this machine with what jars in processes of their own have reserved of it. */
export function withProcesses(
  report: AllocationReport,
  processes: readonly ProcessReport[],
): AllocationReport {
  const here = processes.filter(({ isHere }) => isHere);
  const taken = <Figures extends { allocatedBytes: number; remainingBytes: number }>(
    figures: Figures,
    pool: string,
  ): Figures => {
    const bytes = reservedOn(pool, here);
    return {
      ...figures,
      allocatedBytes: figures.allocatedBytes + bytes,
      remainingBytes: Math.max(0, figures.remainingBytes - bytes),
    };
  };
  return {
    ...taken(report, RAM),
    pools: report.pools.map((pool) => taken(pool, pool.id)),
  };
}
