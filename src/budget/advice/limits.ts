import { memoryFor } from "../allocated_memory.ts";
import { limitFor, type RamLimit } from "../changes.ts";
import type { InstanceDemand, Role } from "../demand.ts";
import { neededDevices, neededMachine } from "./needed.ts";
import { footprintBytes } from "../required.ts";
import { GB, KB, MB, parseSize, roundSize } from "../size.ts";
import { sum } from "../sum.ts";
import { validateMemoryBudget, type ValidationInput } from "../validate.ts";
import type { NeededDevice } from "../recommendation.ts";
import type { Validation } from "../validation.ts";
import { type Share, waterFill } from "./water_fill.ts";

/** How the seed divides memory between the roles: 8, 10 and 12 GB. */
const PROPORTIONS: Readonly<Record<Role, number>> = { subject: 8, observer: 10, god: 12 };

/** What limits are asked for. */
interface LimitsInput extends ValidationInput {
  /** The most that a jar can use, in bytes, by its id; absent where it can use any amount. */
  readonly mostBytes?: ReadonlyMap<string, number>;
}

/** Limits that pass, or what they would take. All bytes whole. */
export type LimitsResult =
  | {
    readonly ok: true;
    /** Empty where the jars pass as they are and leave no room for limits. */
    readonly limits: readonly RamLimit[];
    /** The validation with these limits; it passed. */
    readonly validation: Validation;
  }
  | {
    readonly ok: false;
    /** The validation without any limit, which says why. */
    readonly validation: Validation;
    /** The machine that would hold the footprints and let all three layers pass. */
    readonly neededTotalBytes: number;
    readonly neededAvailableBytes: number;
    /** Devices that are short or not there, as they would have to be. */
    readonly neededDevices: readonly NeededDevice[];
  };

/**
 * The largest RAM limits that all three layers let pass, in the seed's proportions where the
 * footprints leave room, one for each role, none larger than what its jars can use, in one unit
 * (0.1 GB where each is a GB or more), and validated. RAM limits that are given are left aside.
 *
 * @throws {BrainjarError} what `validateMemoryBudget` throws.
 */
export function recommendLimits(input: LimitsInput): LimitsResult {
  const bare = input.instances.map(({ ramLimitBytes: _, ...demand }) => demand);
  const validation = validateWith(bare, input);
  if (!validation.ok) {
    const { totalBytes, availableBytes } = neededMachine(validation);
    return {
      ok: false,
      validation,
      neededTotalBytes: totalBytes,
      neededAvailableBytes: availableBytes,
      neededDevices: neededDevices(validation),
    };
  }
  for (const unit of UNITS) {
    const limited = limitsIn(unit, input, validation);
    if (limited) return { ok: true, ...limited };
  }
  return { ok: true, limits: [], validation };
}

/** A unit that limits are given in, and how so many of it are written. */
interface Unit {
  readonly bytes: number;
  readonly text: (count: number) => string;
}

const UNITS: readonly Unit[] = [
  { bytes: GB / 10, text: (count) => (count / 10).toFixed(1) },
  { bytes: MB, text: (count) => `${count}MB` },
  { bytes: KB, text: (count) => `${count}KB` },
  { bytes: 1, text: (count) => `${count}B` },
];

/** A limit of fewer units than this loses too much by being rounded down. */
const FEWEST_UNITS = 10;

/** What rounding up made too much is taken off the rest; that ends after a few rounds. */
const ROUNDS = 12;

/** The largest limits in one unit that pass, and the validation with them; nothing where none do. */
function limitsIn(
  unit: Unit,
  input: LimitsInput,
  bare: Validation,
): { readonly limits: readonly RamLimit[]; readonly validation: Validation } | undefined {
  const roles = [...new Set(input.instances.map(({ role }) => role))];
  const shares = roles.map((role) => shareOf(role, input));
  const least = sum(shares.map(({ minimum, count }) => minimum * count));
  let amount = Math.max(least, roomFor(bare) + bare.sharedWeightBytes);
  for (let round = 0; round < ROUNDS; round++) {
    const amounts = waterFill(shares, amount) ?? [];
    const isCoarse = amounts.some((bytes) => bytes < FEWEST_UNITS * unit.bytes);
    if (isCoarse && unit.bytes > 1) return undefined;
    const limits = roles.map((role, at) => limitOf(role, unit, amounts[at] ?? 0, shares[at]));
    const instances = withLimits(input.instances, limits);
    const validation = validateWith(instances, input);
    if (validation.ok) return { limits, validation };
    if (amount <= least) return undefined;
    const excess = validation.requiredBytes - roomFor(validation);
    amount = Math.max(least, amount - Math.max(unit.bytes, excess));
  }
  return undefined;
}

function validateWith(instances: readonly InstanceDemand[], input: LimitsInput): Validation {
  const memory = memoryFor(input.memory, instances, input.policy);
  return validateMemoryBudget({ ...input, instances, memory });
}

function shareOf(role: Role, { instances, policy, mostBytes }: LimitsInput): Share {
  const jars = instances.filter((demand) => demand.role === role);
  const needs = jars.map(({ footprint }) => footprintBytes(footprint, policy.criterion));
  const minimum = Math.max(...needs);
  const most = jars.map(({ id }) => mostBytes?.get(id) ?? Infinity);
  const maximum = Math.max(minimum, ...most);
  return { weight: PROPORTIONS[role], minimum, maximum, count: jars.length };
}

/** Rounded down, but never under what the jars need. */
function limitOf(role: Role, unit: Unit, amount: number, share: Share | undefined): RamLimit {
  const { minimum = 0, maximum = Infinity } = share ?? {};
  // 85 % of 16 GB, in whole bytes, is a fraction of one less than 13.6 GB.
  const rounded = amount >= maximum ? Math.ceil(maximum / unit.bytes) : (amount + 0.5) / unit.bytes;
  const count = Math.max(1, Math.floor(rounded), Math.ceil(minimum / unit.bytes));
  const text = unit.text(count);
  return { role, bytes: parseSize(text), text };
}

/** What the jars may require together. */
function roomFor(validation: Validation): number {
  const { usableBytes, memory, allocationHeadroomBytes, loadHeadroomBytes } = validation;
  const headroom = Math.max(allocationHeadroomBytes, loadHeadroomBytes);
  return Math.min(usableBytes, memory.availableBytes - headroom);
}

/**
 * A limit as a person would write it: rounded down to 0.1 GB, to whole MB where that is less than
 * 1 GB or less than `minimumBytes`; `undefined` where nothing is left.
 *
 * @example
 * ```ts
 * import { roundLimit } from "./limits.ts";
 * import { GB, MB } from "../size.ts";
 * if (roundLimit("god", 9.19 * GB)?.text !== "9.1") throw new Error("Rounded down");
 * if (roundLimit("god", 95.5 * MB)?.text !== "95MB") throw new Error("Small ones in MB");
 * if (roundLimit("god", 95.5 * MB, 95.5 * MB)?.text !== "96MB") throw new Error("Not below it");
 * ```
 */
export function roundLimit(role: Role, bytes: number, minimumBytes = 0): RamLimit | undefined {
  if (bytes <= 0) return undefined;
  const texts = [
    roundSize(bytes, "down").text,
    `${Math.floor(bytes / MB)}MB`,
    `${Math.ceil(minimumBytes / MB)}MB`,
  ];
  for (const text of texts) {
    const rounded = parseSize(text, { allowZero: true });
    if (rounded > 0 && rounded >= minimumBytes) return { role, bytes: rounded, text };
  }
  return undefined;
}

/** The same jars with the RAM limits that are for them. */
export function withLimits(
  instances: readonly InstanceDemand[],
  limits: readonly RamLimit[],
): InstanceDemand[] {
  return instances.map((demand) => {
    const limit = limitFor(demand, limits);
    return limit ? { ...demand, ramLimitBytes: limit.bytes } : demand;
  });
}
