import { neededDevices, neededMachine } from "../advice/needed.ts";
import { defined } from "../defined.ts";
import type { NeededDevice } from "../recommendation.ts";
import type { Policy } from "../policy.ts";
import { sum } from "../sum.ts";
import { validateMemoryBudget } from "../validate.ts";
import type { Issue, Validation } from "../validation.ts";
import { demandOf, type JarGroup, type MachineKind, toProblem, type Way } from "./problem.ts";
import { solve } from "./solve.ts";

/** A machine that would hold a jar: the smallest, rounded up to what a person would write. */
export interface HoldingMachine {
  readonly totalBytes: number;
  readonly devices: readonly Pick<NeededDevice, "id" | "totalBytes">[];
}

/** Jars that have no place, and what would give them one. */
export interface Unplaced {
  readonly group: JarGroup;
  readonly ids: readonly string[];
  /**
   * `full`: an empty machine of what was given would hold one, and none is left. `too-large`: none
   * would. `no-device`: it needs a device, and no kind of machine has one that it may use.
   * `over-limit`: no machine would, since it needs more than its own RAM limit.
   */
  readonly reason: "full" | "too-large" | "no-device" | "over-limit";
  /** The kind that comes nearest to holding one; absent where none has a device. */
  readonly nearest?: {
    readonly kind: MachineKind;
    /** What layer 1 says of one of them on an empty machine of it. */
    readonly issues: readonly Issue[];
  };
  /** Absent where no size of machine would do. */
  readonly machine?: HoldingMachine;
}

/** Machines that would hold all those for which there was no room left. */
export interface MoreMachines {
  readonly kind: MachineKind;
  readonly count: number;
}

interface Left {
  /** With the jars that have no place; some have none. */
  readonly groups: readonly JarGroup[];
  readonly machines: readonly MachineKind[];
  readonly policy: Policy;
}

/** Why each group's jars have no place. */
export function explain({ groups, machines, policy }: Left): Unplaced[] {
  return groups.filter(({ ids }) => ids.length > 0).map((group) => {
    const tried = machines.flatMap((kind, index) =>
      (group.ways[index] ?? []).map((way) => ({
        kind,
        way,
        validation: alone(group, way, kind, policy),
      }))
    );
    const nearest = tried.toSorted((a, b) =>
      shortBytes(a.validation) - shortBytes(b.validation)
    )[0];
    if (nearest === undefined) return { group, ids: group.ids, reason: "no-device" };
    const { kind, validation } = nearest;
    const { ok, issues } = validation;
    const isOverLimit = issues.some(({ code }) => code === "over-limit");
    return {
      group,
      ids: group.ids,
      reason: ok ? "full" : isOverLimit ? "over-limit" : "too-large",
      nearest: { kind, issues },
      ...defined({ machine: isOverLimit ? undefined : machineFor(validation) }),
    };
  });
}

/**
 * What of the given kinds more is needed for the jars that an empty machine would hold: the least
 * bytes of them.
 */
export function moreMachines({ groups, machines, policy }: Left): MoreMachines[] {
  const jars = sum(groups.map(({ ids }) => ids.length));
  const many = machines.map((kind) => ({ ...kind, count: jars }));
  const left = groups.filter(({ ids }) => ids.length > 0);
  const { shares } = solve(toProblem(left, many, policy));
  return machines.map((kind, index) => ({
    kind,
    count: sum(shares.map((share) => share.kind === index ? share.count : 0)),
  })).filter(({ count }) => count > 0);
}

/** Layer 1's answer for one jar on an empty machine. */
function alone(group: JarGroup, way: Way, { memory }: MachineKind, policy: Policy): Validation {
  const instances = [demandOf(group.ids[0] ?? "", group, way)];
  return validateMemoryBudget({ mode: "jars", instances, memory, policy });
}

/** How far a validation is from passing, in bytes of all pools. */
function shortBytes({ pools, issues }: Validation): number {
  if (issues.length === 0) return 0;
  const short = pools.map(({ requiredBytes, usableBytes, availableBytes }) =>
    Math.max(0, requiredBytes - Math.min(usableBytes, availableBytes))
  );
  // Where only the later layers refuse, it is nearly there.
  return Math.max(1, sum(short));
}

function machineFor(validation: Validation): HoldingMachine {
  const { totalBytes } = neededMachine(validation);
  const needed = new Map(neededDevices(validation).map((device) => [device.id, device]));
  const devices = validation.pools.flatMap((pool) => {
    if (pool.kind !== "device" || pool.requiredBytes === 0) return [];
    const short = needed.get(pool.id);
    return [{ id: pool.id, totalBytes: short?.totalBytes ?? pool.totalBytes }];
  });
  return { totalBytes, devices };
}
