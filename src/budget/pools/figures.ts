import type { InstanceDemand } from "../demand.ts";
import type { MachineMemory } from "../memory.ts";
import { type Policy, usableBytes } from "../policy.ts";
import { type Pool, poolsOf, RAM } from "./pools.ts";
import { addedBytes, onDevice, requiredOn } from "../required.ts";
import { sum } from "../sum.ts";
import type { DeviceSumIssue, InstancePool, NoDeviceIssue, PoolValidation } from "../validation.ts";

/** What is to be held against what, under which policy. */
interface Judged {
  readonly instances: readonly InstanceDemand[];
  readonly memory: MachineMemory;
  readonly policy: Policy;
}

/** Each pool's figures, and what is wrong on devices. RAM's issues depend on more than its sum. */
interface PoolFigures {
  readonly ram: PoolValidation;
  /** The machine's devices, needed or not. */
  readonly devices: readonly PoolValidation[];
  /** What each instance needs of each pool, in the order of the instances. */
  readonly needs: readonly (readonly InstancePool[])[];
  readonly deviceIssues: readonly (DeviceSumIssue | NoDeviceIssue)[];
}

/**
 * What these jars need of each pool together, and rules 1 and 2 on devices
 * (src/budget/README.md, "Pools").
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "../policy.ts";
 * import { judgePools } from "./figures.ts";
 *
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const devices = [{ id: "cuda:0", bytes: 9, sharedBytes: 0, processBytes: 0 }];
 * const footprint = { floorBytes: 1, workingSetBytes: 2, shared, devices };
 * const { deviceIssues: [issue] } = judgePools({
 *   instances: [{ id: "subject", role: "subject", model: "a.gguf", footprint }],
 *   memory: { totalBytes: 8, availableBytes: 6, reservedBytes: 0, sources: [], warnings: [] },
 *   policy: DEFAULT_POLICY,
 * });
 * if (issue?.code !== "no-such-device" || issue.pool !== "cuda:0") throw new Error("There is none");
 * ```
 */
export function judgePools({ instances, memory, policy }: Judged): PoolFigures {
  const [ramPool, ...devicePools] = poolsOf(memory);
  const needed = instances.flatMap(({ footprint }) => footprint.devices ?? []);
  const ids = new Set([ramPool, ...devicePools, ...needed].map(({ id }) => id));
  const added = new Map([...ids].map((id) => [id, addedBytes(instances, policy, id)]));
  const needs = instances.map((demand, index) =>
    [...added].flatMap(([id, bytes]): InstancePool[] => {
      if (id !== RAM && onDevice(id, demand.footprint) === undefined) return [];
      const requiredBytes = requiredOn(id, demand, policy.criterion);
      return [{ id, requiredBytes, sharedBytes: requiredBytes - (bytes[index] ?? requiredBytes) }];
    })
  );
  const figuresOf = (pool: Pool) => poolValidation(pool, needs.flat(), policy);
  const devices = devicePools.map(figuresOf);
  const missing = [...added].filter(([id]) => id !== RAM && devices.every((one) => one.id !== id));
  return {
    ram: figuresOf(ramPool),
    devices,
    needs,
    deviceIssues: [
      ...devices.flatMap(sumIssues),
      ...missing.map(([pool, bytes]): NoDeviceIssue => ({
        code: "no-such-device",
        pool,
        ids: instances.filter(({ footprint }) => onDevice(pool, footprint)).map(({ id }) => id),
        requiredBytes: sum(bytes),
      })),
    ],
  };
}

function poolValidation(
  { id, kind, totalBytes, availableBytes }: Pool,
  needs: readonly InstancePool[],
  policy: Policy,
): PoolValidation {
  const here = needs.filter((need) => need.id === id);
  const sumBytes = sum(here.map(({ requiredBytes }) => requiredBytes));
  const sharedBytes = sum(here.map(({ sharedBytes }) => sharedBytes));
  const requiredBytes = sumBytes - sharedBytes;
  const usable = usableBytes(totalBytes, policy);
  return {
    ...{ id, kind, totalBytes, availableBytes, usableBytes: usable },
    ...{ sumBytes, sharedBytes, requiredBytes, marginBytes: usable - requiredBytes },
  };
}

function sumIssues(
  { id: pool, usableBytes, availableBytes, requiredBytes }: PoolValidation,
): DeviceSumIssue[] {
  const limits = [["usable", usableBytes], ["available", availableBytes]] as const;
  return limits.flatMap(([limit, limitBytes]): DeviceSumIssue[] => {
    const excessBytes = requiredBytes - limitBytes;
    if (excessBytes <= 0) return [];
    return [{ code: "device-memory", pool, limit, limitBytes, requiredBytes, excessBytes }];
  });
}
