import type { Criterion } from "./demand.ts";
import { BrainjarError } from "./error.ts";
import { type Pool, RAM } from "./pools/pools.ts";
import { formatAmount, GB, MB } from "./size.ts";

/** What is given out and what is kept back. One margin governs all three layers. */
export interface Policy {
  /** Percentage of total RAM never given out, 0 ≤ p < 100. */
  readonly safetyMarginPercent: number;
  /** Kept free beside a jar when it is allocated (layer 2), in bytes. */
  readonly allocationHeadroomBytes: number;
  /** Kept free beside a model when it is loaded (layer 3), in bytes. */
  readonly loadHeadroomBytes: number;
  /** Which figure a verdict is held against. */
  readonly criterion: Criterion;
  /** Whether jars on the same model share one load of it. */
  readonly shareWeights: boolean;
}

/** The numbers of src/budget/README.md: 15 %, 1.0 GB and 2.0 GB. */
export const DEFAULT_POLICY: Policy = {
  safetyMarginPercent: 15,
  allocationHeadroomBytes: 1 * GB,
  loadHeadroomBytes: 2 * GB,
  criterion: "working-set",
  shareWeights: true,
};

/**
 * The safe threshold: total × (1 − safety margin / 100), in whole bytes, rounded down
 * (src/budget/README.md, "Formulas").
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY, usableBytes } from "./policy.ts";
 * if (usableBytes(1000, DEFAULT_POLICY) !== 850) throw new Error("85 % of the total");
 * ```
 */
export function usableBytes(
  totalBytes: number,
  policy: Pick<Policy, "safetyMarginPercent">,
): number {
  return Math.floor((totalBytes * (100 - policy.safetyMarginPercent)) / 100);
}

/** What a run's watch keeps free on a machine that is large enough. */
const WATCH_BYTES = 500 * MB;

/** And on a smaller one, in percent of its total. */
const WATCH_PERCENT = 5;

/**
 * The least that may be available while jars live: 500 MB or 5 % of the total, whichever is less
 * (src/budget/README.md, "The run"), in whole bytes. Below it a jar is asked to die.
 *
 * @example
 * ```ts
 * import { leastAvailableBytes } from "./policy.ts";
 * import { GB, MB, formatAmount } from "./size.ts";
 * if (leastAvailableBytes(64 * GB) !== 500 * MB) throw new Error("A machine");
 * if (leastAvailableBytes(400 * MB) !== 20 * MB) throw new Error("A small group");
 * ```
 */
export function leastAvailableBytes(totalBytes: number): number {
  return Math.min(WATCH_BYTES, Math.floor((totalBytes * WATCH_PERCENT) / 100));
}

/**
 * What a run's watch keeps free on a device that is large enough. It is little, since what jars need
 * there is allocated up front or counted in their footprints: the driver's own rounding, and a block
 * more for a workspace.
 */
const DEVICE_WATCH_BYTES = 64 * MB;

/**
 * The same of a pool: on a device 64 MB or 5 % of its total, whichever is less, beside what its jars
 * have yet to fill.
 *
 * @example
 * ```ts
 * import { leastAvailableOf } from "./policy.ts";
 * import { GB, MB } from "./size.ts";
 * if (leastAvailableOf({ id: "ram", totalBytes: 64 * GB }) !== 500 * MB) throw new Error("RAM");
 * if (leastAvailableOf({ id: "cuda:0", totalBytes: 24 * GB }) !== 64 * MB) throw new Error("A card");
 * ```
 */
export function leastAvailableOf({ id, totalBytes }: Pick<Pool, "id" | "totalBytes">): number {
  const least = leastAvailableBytes(totalBytes);
  return id === RAM ? least : Math.min(DEVICE_WATCH_BYTES, least);
}

/**
 * That rule in words, as a death by it tells it.
 *
 * @example
 * ```ts
 * import { leastAvailableRule } from "./policy.ts";
 * import { GB, MB } from "./size.ts";
 * const group = { id: "ram", totalBytes: 400 * MB };
 * if (leastAvailableRule(group) !== "20.00 MB, 5% of total, are kept free") throw new Error();
 * const card = { id: "cuda:0", totalBytes: 24 * GB };
 * if (leastAvailableRule(card) !== "64.00 MB are kept free") throw new Error();
 * ```
 */
export function leastAvailableRule(pool: Pick<Pool, "id" | "totalBytes">): string {
  const least = leastAvailableOf(pool);
  const most = pool.id === RAM ? WATCH_BYTES : DEVICE_WATCH_BYTES;
  const share = least < most ? `, ${WATCH_PERCENT}% of total,` : "";
  return `${formatAmount(least)}${share} are kept free`;
}

/**
 * The smallest total, in bytes, whose safe threshold holds `requiredBytes`.
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY, totalBytesFor, usableBytes } from "./policy.ts";
 * const total = totalBytesFor(30_000, DEFAULT_POLICY);
 * if (usableBytes(total, DEFAULT_POLICY) < 30_000) throw new Error("It holds them");
 * if (usableBytes(total - 1, DEFAULT_POLICY) >= 30_000) throw new Error("It is the smallest");
 * ```
 */
export function totalBytesFor(
  requiredBytes: number,
  policy: Pick<Policy, "safetyMarginPercent">,
): number {
  let total = Math.ceil((requiredBytes * 100) / (100 - policy.safetyMarginPercent));
  // The division's rounding may be off by one either way.
  if (usableBytes(total - 1, policy) >= requiredBytes) total--;
  if (usableBytes(total, policy) < requiredBytes) total++;
  return total;
}

/**
 * Throws where a policy's numbers would make every comparison meaningless.
 *
 * @throws {BrainjarError} `invalid-safety-margin`, `invalid-headroom`.
 *
 * @example
 * ```ts
 * import { checkPolicy, DEFAULT_POLICY } from "./policy.ts";
 * checkPolicy(DEFAULT_POLICY);
 * ```
 */
export function checkPolicy(policy: Policy): void {
  const { safetyMarginPercent, allocationHeadroomBytes, loadHeadroomBytes } = policy;
  if (!(safetyMarginPercent >= 0 && safetyMarginPercent < 100)) {
    throw new BrainjarError(
      "invalid-safety-margin",
      `Safety margin must be at least 0 and less than 100 percent: '${safetyMarginPercent}'`,
      { hint: "Give the percentage of RAM to keep back, such as --safety-margin 15" },
    );
  }
  for (const headroom of [allocationHeadroomBytes, loadHeadroomBytes]) {
    if (!(headroom >= 0 && Number.isFinite(headroom))) {
      throw new BrainjarError("invalid-headroom", `Headroom must be zero or more: '${headroom}'`, {
        hint: "Give the memory to keep free, such as --load-headroom 2.0",
      });
    }
  }
}
