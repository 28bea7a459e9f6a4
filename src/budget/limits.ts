import type { RamLimit } from "./changes.ts";
import type { InstanceDemand, Role } from "./demand.ts";
import { totalBytesFor, usableBytes } from "./policy.ts";
import { footprintBytes } from "./required.ts";
import { formatSize, GB, MB, parseSize } from "./size.ts";
import { validateMemoryBudget, type ValidationInput } from "./validate.ts";
import type { Validation } from "./validation.ts";
import { type Share, waterFill } from "./water_fill.ts";

/** How the seed divides memory between the roles: 8, 10 and 12 GB. */
const PROPORTIONS: Readonly<Record<Role, number>> = { subject: 8, observer: 10, god: 12 };

/** Limits that pass, or what they would take. All bytes whole. */
export type LimitsResult =
  | {
    readonly ok: true;
    readonly limits: readonly RamLimit[];
    /** The validation with these limits; it passed. */
    readonly validation: Validation;
  }
  | {
    readonly ok: false;
    /** The validation without any limit. */
    readonly validation: Validation;
    /** The machine that would hold the footprints and let all three layers pass. */
    readonly neededTotalBytes: number;
    readonly neededAvailableBytes: number;
  };

/**
 * The largest RAM limits that all three layers let pass, in the seed's proportions where the
 * footprints leave room, one for each role, rounded down to 0.1 GB and validated. RAM limits that
 * are given are left aside.
 *
 * @throws {BrainjarError} what `validateMemoryBudget` throws.
 */
export function recommendLimits(input: ValidationInput): LimitsResult {
  const { memory, policy } = input;
  const bare = input.instances.map(({ ramLimitBytes: _, ...demand }) => demand);
  const validation = validateMemoryBudget({ ...input, instances: bare });
  const headroomBytes = Math.max(policy.allocationHeadroomBytes, policy.loadHeadroomBytes);
  const ceiling = Math.min(
    usableBytes(memory.totalBytes, policy),
    memory.availableBytes - headroomBytes,
  );
  const roles = [...new Set(bare.map(({ role }) => role))];
  const shares = roles.map((role): Share => {
    const jars = bare.filter((demand) => demand.role === role);
    const needs = jars.map(({ footprint }) => footprintBytes(footprint, policy.criterion));
    return { weight: PROPORTIONS[role], minimum: Math.max(...needs), count: jars.length };
  });

  const amounts = waterFill(shares, ceiling + validation.sharedWeightBytes) ?? [];
  const rounded = roles.map((role, at) => roundLimit(role, amounts[at] ?? 0, shares[at]?.minimum));
  // Where the footprints take all there is, there is no room for round numbers either.
  const exact = roles.map((role, at) => exactLimit(role, shares[at]?.minimum ?? 0));
  for (const candidates of [rounded, exact]) {
    const limits = candidates.filter((limit) => limit !== undefined);
    if (limits.length < roles.length) continue;
    const limited = validateMemoryBudget({ ...input, instances: withLimits(bare, limits) });
    if (limited.ok && limited.requiredBytes <= ceiling) {
      return { ok: true, limits, validation: limited };
    }
  }
  return {
    ok: false,
    validation,
    neededTotalBytes: totalBytesFor(validation.requiredBytes, policy),
    neededAvailableBytes: validation.requiredBytes + headroomBytes,
  };
}

/**
 * A limit as a person would write it: rounded down to 0.1 GB, to whole MB where that is less than
 * 1 GB or less than `minimumBytes`; `undefined` where nothing is left.
 *
 * @example
 * ```ts
 * import { roundLimit } from "./limits.ts";
 * import { GB, MB } from "./size.ts";
 * if (roundLimit("god", 9.19 * GB)?.text !== "9.1") throw new Error("Rounded down");
 * if (roundLimit("god", 95.5 * MB)?.text !== "95MB") throw new Error("Small ones in MB");
 * if (roundLimit("god", 95.5 * MB, 95.5 * MB)?.text !== "96MB") throw new Error("Not below it");
 * ```
 */
export function roundLimit(role: Role, bytes: number, minimumBytes = 0): RamLimit | undefined {
  const texts = [
    ...(bytes >= GB ? gigabyteTexts(bytes) : []),
    `${Math.max(0, Math.floor(bytes / MB))}MB`,
    `${Math.ceil(minimumBytes / MB)}MB`,
  ];
  for (const text of texts) {
    const rounded = parseSize(text, { allowZero: true });
    if (rounded > 0 && rounded >= minimumBytes) return { role, bytes: rounded, text };
  }
  return undefined;
}

function exactLimit(role: Role, bytes: number): RamLimit | undefined {
  const whole = Math.ceil(bytes);
  return whole > 0 ? { role, bytes: whole, text: formatSize(whole) } : undefined;
}

/** 85 % of 16 GB is a fraction of a byte less than 13.6 GB: the nearest tenth may be the one. */
function gigabyteTexts(bytes: number): string[] {
  const tenths = Math.round((bytes / GB) * 10);
  return [tenths, tenths - 1]
    .map((count) => (count / 10).toFixed(1))
    .filter((text) => parseSize(text) <= bytes);
}

/** The same jars with each role's RAM limit replaced. */
export function withLimits(
  instances: readonly InstanceDemand[],
  limits: readonly RamLimit[],
): InstanceDemand[] {
  return instances.map((demand) => {
    const limit = limits.find(({ role }) => role === demand.role);
    return limit ? { ...demand, ramLimitBytes: limit.bytes } : demand;
  });
}
