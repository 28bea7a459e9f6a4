import { defined } from "./defined.ts";
import type { InstanceDemand, Mode } from "./demand.ts";
import { BrainjarError } from "./error.ts";
import { foresee } from "./foresee.ts";
import type { MachineMemory } from "./memory.ts";
import { checkPolicy, type Policy } from "./policy.ts";
import { judgePools } from "./pools/figures.ts";
import { namedPool, type Pool, poolsOf, RAM } from "./pools/pools.ts";
import {
  addedBytes,
  checkFootprint,
  checkLimit,
  footprintBytes,
  requiredBytes,
} from "./required.ts";
import { sum } from "./sum.ts";
import type {
  InstanceValidation,
  Issue,
  OverLimitIssue,
  PoolValidation,
  SumIssueCode,
  Validation,
  Warning,
} from "./validation.ts";

/**
 * Percent of the last ten seconds in which something waited for memory, from which rule 6 warns:
 * a machine with memory to spare reports 0, and systemd-oomd starts killing at 60.
 */
export const PRESSURE_WARNING_PERCENT = 10;

/** What layer 1 is asked. */
export interface ValidationInput {
  /** The mode the instances come from, for the report. */
  readonly mode: Mode;
  /** Every instance that is to run at once. */
  readonly instances: readonly InstanceDemand[];
  /** What the machine has. */
  readonly memory: MachineMemory;
  /** Margin, headrooms and criterion. */
  readonly policy: Policy;
}

/**
 * Layer 1: whether these jars fit in this memory together, before anything is loaded
 * (src/budget/README.md, "Layer 1"). Comparisons are strict: exactly equal passes.
 *
 * @returns Figures, issues and warnings as data; `report/` has the sentences.
 *
 * @throws {BrainjarError} `invalid-ram-limit`, `duplicate-instance`, `invalid-footprint`,
 * `invalid-memory`, `invalid-safety-margin`, `invalid-headroom`.
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "./policy.ts";
 * import { GB } from "./size.ts";
 * import { validateMemoryBudget } from "./validate.ts";
 *
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const footprint = { floorBytes: 2 * GB, workingSetBytes: 3 * GB, shared };
 * const validation = validateMemoryBudget({
 *   mode: "single",
 *   instances: [{ id: "subject", role: "subject", model: "a.gguf", footprint }],
 *   memory: {
 *     totalBytes: 8 * GB,
 *     availableBytes: 6 * GB,
 *     reservedBytes: 0,
 *     sources: [],
 *     warnings: [],
 *   },
 *   policy: DEFAULT_POLICY,
 * });
 * if (!validation.ok || validation.requiredBytes !== 3 * GB) throw new Error("3 GB of 6.8 GB");
 * ```
 */
export function validateMemoryBudget(input: ValidationInput): Validation {
  const { mode, memory, policy } = input;
  checkPolicy(policy);
  checkMemory(memory);
  checkInstances(input.instances);

  const { criterion } = policy;
  const { ram, devices, needs, deviceIssues } = judgePools(input);
  const pools = [ram, ...devices];
  const instances = input.instances.map((demand, index): InstanceValidation => ({
    id: demand.id,
    role: demand.role,
    model: demand.model,
    ...defined({ ramLimitBytes: demand.ramLimitBytes && Math.ceil(demand.ramLimitBytes) }),
    floorBytes: Math.ceil(demand.footprint.floorBytes),
    workingSetBytes: Math.ceil(demand.footprint.workingSetBytes),
    footprintBytes: Math.ceil(footprintBytes(demand.footprint, criterion)),
    requiredBytes: requiredBytes(demand, criterion),
    sharedBytes: needs[index]?.[0]?.sharedBytes ?? 0,
    ...defined({ gpuLayers: demand.gpuLayers }),
    pools: needs[index] ?? [],
  }));
  const figures = {
    requiredBytes: ram.requiredBytes,
    floorBytes: sumOfFootprints(input, "floor"),
    workingSetBytes: sumOfFootprints(input, "working-set"),
  };
  const usable = ram.usableBytes;

  const issues: Issue[] = [];
  for (const limit of ["usable", "available"] as const) {
    const limitBytes = limit === "usable" ? usable : memory.availableBytes;
    if (figures.requiredBytes > limitBytes) {
      const figure = limit === "usable" ? "total" : "available";
      const counts = memory.sources.find((one) => one.figure === figure && one.decides)?.counts;
      issues.push({
        // What can't be allocated isn't read from disk instead.
        code: counts === undefined
          ? cause(figures, limitBytes, criterion === "floor")
          : "would-be-killed",
        limit,
        ...defined({ counts }),
        limitBytes,
        ...figures,
        excessBytes: figures.requiredBytes - limitBytes,
      });
    }
  }
  issues.push(...deviceIssues);
  // Where the sum doesn't fit, that is why the other layers would refuse too.
  const ahead = issues.length > 0 ? undefined : foresee(input);
  issues.push(...instances.flatMap(overLimit), ...ahead === undefined ? [] : [ahead]);
  const ok = issues.length === 0;

  return {
    ok,
    verdict: ok ? "pass" : "fail",
    mode,
    criterion,
    shareWeights: policy.shareWeights,
    safetyMarginPercent: policy.safetyMarginPercent,
    allocationHeadroomBytes: policy.allocationHeadroomBytes,
    loadHeadroomBytes: policy.loadHeadroomBytes,
    memory,
    usableBytes: usable,
    sumBytes: ram.sumBytes,
    sharedWeightBytes: ram.sharedBytes,
    ...figures,
    marginBytes: ram.marginBytes,
    pools,
    instances,
    issues,
    warnings: [
      ...pools.flatMap((pool) => instances.flatMap((instance) => sizeWarning(instance, pool))),
      ...memoryWarnings(memory),
      ...devices.filter(({ sumBytes }) => sumBytes > 0).flatMap(lowAvailable),
      ...thrashWarning(ok, figures.workingSetBytes, Math.min(usable, memory.availableBytes)),
    ],
    recommendations: [],
  };
}

/** What all jars need together by one criterion, RAM limits left aside. */
function sumOfFootprints(input: ValidationInput, criterion: Policy["criterion"]): number {
  const unlimited = input.instances.map(({ model, footprint }) => ({ model, footprint }));
  return sum(addedBytes(unlimited, { criterion, shareWeights: input.policy.shareWeights }));
}

function cause(
  figures: { readonly floorBytes: number; readonly workingSetBytes: number },
  limitBytes: number,
  thrashingAccepted: boolean,
): SumIssueCode {
  if (figures.floorBytes > limitBytes) return "would-be-killed";
  if (figures.workingSetBytes > limitBytes && !thrashingAccepted) return "would-thrash";
  return "over-reserved";
}

function overLimit({ id, footprintBytes, ramLimitBytes }: InstanceValidation): OverLimitIssue[] {
  if (ramLimitBytes === undefined || footprintBytes <= ramLimitBytes) return [];
  const excessBytes = footprintBytes - ramLimitBytes;
  return [{ code: "over-limit", id, footprintBytes, ramLimitBytes, excessBytes }];
}

function sizeWarning({ id, pools }: InstanceValidation, pool: PoolValidation): Warning[] {
  const { usableBytes } = pool;
  const requiredBytes = pools.find((one) => one.id === pool.id)?.requiredBytes ?? 0;
  if (requiredBytes <= usableBytes / 2) return [];
  return [{ code: "large-instance", id, ...namedPool(pool.id), requiredBytes, usableBytes }];
}

function memoryWarnings(memory: MachineMemory): Warning[] {
  const { pressure } = memory;
  const warnings: Warning[] = [];
  if (pressure && pressure.someAverage10 > PRESSURE_WARNING_PERCENT) {
    warnings.push({ code: "memory-pressure", someAverage10: pressure.someAverage10 });
  }
  return [...warnings, ...lowAvailable({ ...memory, id: RAM })];
}

function lowAvailable(pool: Pick<Pool, "id" | "availableBytes" | "totalBytes">): Warning[] {
  const { availableBytes, totalBytes } = pool;
  if (availableBytes >= totalBytes / 10) return [];
  return [{ code: "low-available", ...namedPool(pool.id), availableBytes, totalBytes }];
}

function thrashWarning(ok: boolean, workingSetBytes: number, limitBytes: number): Warning[] {
  if (!ok || workingSetBytes <= limitBytes) return [];
  return [{ code: "reads-from-disk", workingSetBytes, limitBytes }];
}

function checkMemory(memory: MachineMemory): void {
  const [, ...devices] = poolsOf(memory);
  checkPool(memory, "Memory", "Give them with --total-memory and --available-memory");
  for (const device of devices) {
    checkPool(
      device,
      `Memory of ${device.id}`,
      "Give its size with --devices, or leave it out with --gpu off",
    );
  }
}

function checkPool(
  { totalBytes, availableBytes }: Pick<Pool, "totalBytes" | "availableBytes">,
  name: string,
  hint: string,
): void {
  // A NaN would pass every comparison, and a total of zero is how a failed reading looks.
  if (totalBytes > 0 && Number.isFinite(totalBytes) && Number.isFinite(availableBytes)) return;
  throw new BrainjarError(
    "invalid-memory",
    `${name} figures are not usable: total ${totalBytes}, available ${availableBytes}`,
    { hint },
  );
}

function checkInstances(instances: readonly InstanceDemand[]): void {
  const ids = new Set<string>();
  for (const { id, ramLimitBytes, footprint } of instances) {
    if (ids.has(id)) {
      throw new BrainjarError("duplicate-instance", `Instance is listed twice: '${id}'`, {
        hint: "Give each jar an id of its own",
      });
    }
    ids.add(id);
    checkFootprint(id, footprint);
    checkLimit(id, ramLimitBytes);
  }
}
