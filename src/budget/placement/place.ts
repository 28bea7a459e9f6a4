import { checkPolicy, type Policy } from "../policy.ts";
import { sum } from "../sum.ts";
import { validateMemoryBudget } from "../validate.ts";
import type { Validation } from "../validation.ts";
import type { Share } from "./pack.ts";
import { demandOf, type JarGroup, type MachineKind, toProblem, type Way } from "./problem.ts";
import { solve } from "./solve.ts";
import { explain, type MoreMachines, moreMachines, type Unplaced } from "./unplaced.ts";

/** What is to be placed where. */
export interface PlacementInput {
  /** Jars that need the same together; every id once. */
  readonly groups: readonly JarGroup[];
  readonly machines: readonly MachineKind[];
  /** Each jar is in a process of its own: whether weights are shared has no say. */
  readonly policy: Policy;
}

/** Jars of one group on one machine, in one way. */
export interface PlacedJars {
  readonly group: JarGroup;
  readonly way: Way;
  readonly ids: readonly string[];
}

/** Machines of one kind that hold the same, but for which jars of a group. */
export interface PlacedMachines {
  readonly kind: MachineKind;
  /** What each holds. */
  readonly machines: readonly (readonly PlacedJars[])[];
  /** Layer 1's answer for the first of them, which is that of all. */
  readonly validation: Validation;
}

/** Which machines hold which jars. All bytes whole. */
export interface Placement {
  /** Whether every jar has its place. */
  readonly ok: boolean;
  readonly jarCount: number;
  readonly placedCount: number;
  /** Machines that hold something, equal ones together. */
  readonly shares: readonly PlacedMachines[];
  /** Each kind in the order in which they were given, and how many of it hold something. */
  readonly kinds: readonly { readonly kind: MachineKind; readonly used: number }[];
  /** Of the machines that hold something: RAM, and devices whose memory isn't RAM. */
  readonly usedBytes: number;
  /** What no placement of the same jars on such machines does without. */
  readonly leastBytes: number;
  readonly unplaced: readonly Unplaced[];
  /** Machines of the given kinds that would hold those for which there was no room left. */
  readonly more: readonly MoreMachines[];
}

/**
 * Places jars on machines (src/budget/README.md, "Placement"): the most jars, then on machines of the
 * least bytes in all, as near to that as a second allows. Each machine's share is validated as a
 * `check` of it would be. The same input gives the same answer.
 *
 * @throws {BrainjarError} what `validateMemoryBudget` throws of demands, memories and policies that
 * aren't any
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "../policy.ts";
 * import { GB } from "../size.ts";
 * import { placeJars } from "./place.ts";
 *
 * const memory = {
 *   totalBytes: 16 * GB,
 *   availableBytes: 16 * GB,
 *   reservedBytes: 0,
 *   sources: [],
 *   warnings: [],
 * };
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const footprint = { floorBytes: 4 * GB, workingSetBytes: 5 * GB, shared };
 * const { ok, shares } = placeJars({
 *   groups: [{ ids: ["a", "b", "c"], role: "subject", model: "a.gguf", ways: [[{ footprint }]] }],
 *   machines: [{ name: "16GB", count: 8, memory }],
 *   policy: DEFAULT_POLICY,
 * });
 * const used = shares.flatMap(({ machines }) => machines);
 * if (!ok || used.length !== 2) throw new Error("Two of 5 GB, of 13.6 GB, and one");
 * ```
 */
export function placeJars({ groups, machines, policy: asked }: PlacementInput): Placement {
  checkPolicy(asked);
  const policy = { ...asked, shareWeights: false };
  const problem = toProblem(groups, machines, policy);
  const { shares, placed, bytes: usedBytes, leastBytes } = solve(problem);
  const named = nameJars(shares, { groups, machines, policy });
  const used = machines.map((_, kind) =>
    sum(shares.map((share) => share.kind === kind ? share.count : 0))
  );
  const unplaced = {
    groups: groups.map((group, index) => ({ ...group, ids: group.ids.slice(placed[index] ?? 0) })),
    machines,
    policy,
  };
  const jarCount = sum(problem.counts);
  const placedCount = sum(placed);
  return {
    ok: placedCount === jarCount,
    jarCount,
    placedCount,
    shares: named,
    kinds: machines.map((kind, index) => ({ kind, used: used[index] ?? 0 })),
    usedBytes,
    leastBytes,
    unplaced: placedCount === jarCount ? [] : explain(unplaced),
    more: placedCount === jarCount ? [] : moreMachines(unplaced),
  };
}

/** Gives each machine its jars by name, in their order, and validates each share. */
function nameJars(
  shares: readonly Share[],
  { groups, machines, policy }: PlacementInput,
): PlacedMachines[] {
  const next = groups.map(() => 0);
  return shares.flatMap(({ kind: at, count, picks }): PlacedMachines[] => {
    const kind = machines[at];
    if (kind === undefined) return [];
    const named = Array.from(
      { length: count },
      () =>
        picks.flatMap(({ choice, count }): PlacedJars[] => {
          const group = groups[choice.group];
          const way = group?.ways[at]?.[choice.way];
          if (group === undefined || way === undefined) return [];
          const from = next[choice.group] ?? 0;
          next[choice.group] = from + count;
          return [{ group, way, ids: group.ids.slice(from, from + count) }];
        }),
    );
    const [first = []] = named;
    return [{ kind, machines: named, validation: validateShare(first, kind, policy) }];
  });
}

/**
 * What layer 1 says of one machine's jars.
 *
 * @throws {RangeError} where it doesn't pass, which the numbers that were placed by rule out
 */
function validateShare(
  jars: readonly PlacedJars[],
  { name, memory }: MachineKind,
  policy: Policy,
): Validation {
  const instances = jars.flatMap(({ group, way, ids }) =>
    ids.map((id) => demandOf(id, group, way))
  );
  const validation = validateMemoryBudget({ mode: "jars", instances, memory, policy });
  if (!validation.ok) {
    const [issue] = validation.issues;
    throw new RangeError(`A share of ${name} doesn't pass its validation: ${issue?.code}`);
  }
  return validation;
}
