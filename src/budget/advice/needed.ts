import type { MachineMemory } from "../memory.ts";
import { leastAvailableBytes, leastAvailableOf, totalBytesFor } from "../policy.ts";
import { RAM } from "../pools/pools.ts";
import { roundSize } from "../size.ts";
import type { NeededDevice } from "../recommendation.ts";
import type { Issue, Validation } from "../validation.ts";

/** What of a validation decides what machine it takes. */
type Needs = Pick<
  Validation,
  | "requiredBytes"
  | "floorBytes"
  | "safetyMarginPercent"
  | "allocationHeadroomBytes"
  | "loadHeadroomBytes"
>;

/**
 * What must be available on a machine of this size so that all three layers pass and the watch has
 * nothing to do, in bytes.
 *
 * @example
 * ```ts
 * import { neededAvailableBytes } from "./needed.ts";
 * import { GB, MB } from "../size.ts";
 * const needs = {
 *   requiredBytes: 3 * GB,
 *   floorBytes: 3 * GB,
 *   safetyMarginPercent: 15,
 *   allocationHeadroomBytes: 0,
 *   loadHeadroomBytes: 2 * GB,
 * };
 * if (neededAvailableBytes(needs, 16 * GB) !== 5 * GB) throw new Error("The headroom");
 * const bare = { ...needs, loadHeadroomBytes: 0 };
 * if (neededAvailableBytes(bare, 16 * GB) !== 3 * GB + 500 * MB) throw new Error("The watch");
 * ```
 */
export function neededAvailableBytes(needs: Needs, totalBytes: number): number {
  const { requiredBytes, floorBytes, allocationHeadroomBytes, loadHeadroomBytes } = needs;
  return Math.max(
    requiredBytes + Math.max(allocationHeadroomBytes, loadHeadroomBytes),
    floorBytes + leastAvailableBytes(totalBytes),
  );
}

/**
 * Devices on which what was validated passes and lives, for those that are short or not there: the
 * smallest, rounded up to what a person would write.
 *
 * @example
 * ```ts
 * import { neededDevices } from "./needed.ts";
 * import { GB } from "../size.ts";
 * const issue = { code: "no-such-device" as const, pool: "cuda:0", ids: ["a"], requiredBytes: 17 * GB };
 * const [card] = neededDevices({ issues: [issue], pools: [], safetyMarginPercent: 15 });
 * if (card?.totalBytes !== 20 * GB) throw new Error("17 are 85 % of it");
 * ```
 */
export function neededDevices(
  { issues, pools, safetyMarginPercent }: Pick<
    Validation,
    "issues" | "pools" | "safetyMarginPercent"
  >,
): NeededDevice[] {
  const short = new Map<string, number>();
  for (const issue of issues) {
    const id = deviceOf(issue);
    if (id === undefined) continue;
    const pool = pools.find((pool) => pool.id === id);
    const asked = issue.code === "no-such-device" ? issue.requiredBytes : 0;
    short.set(id, pool?.requiredBytes ?? asked);
  }
  return [...short].map(([id, requiredBytes]) => {
    let totalBytes = roundSize(totalBytesFor(requiredBytes, { safetyMarginPercent }), "up").bytes;
    for (;;) {
      const least = leastAvailableOf({ id, totalBytes });
      const availableBytes = roundSize(requiredBytes + least, "up").bytes;
      if (availableBytes <= totalBytes) return { id, totalBytes, availableBytes };
      totalBytes = availableBytes;
    }
  });
}

/** The device that an issue is about; nothing where that is RAM or a jar's own limit. */
export function deviceOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case "allocation-refused":
      return "pool" in issue.allocation ? issue.allocation.pool : undefined;
    case "load-refused":
      return issue.preflight.pools.find(({ id, shortBytes }) => id !== RAM && shortBytes > 0)?.id;
    default:
      return "pool" in issue ? issue.pool : undefined;
  }
}

/**
 * A machine on which what was validated passes and lives: the smallest, rounded up to what a person
 * would write.
 *
 * @example
 * ```ts
 * import { neededMachine } from "./needed.ts";
 * import { GB } from "../size.ts";
 * const { totalBytes, availableBytes } = neededMachine({
 *   requiredBytes: 17 * GB,
 *   floorBytes: 1 * GB,
 *   safetyMarginPercent: 15,
 *   allocationHeadroomBytes: 1 * GB,
 *   loadHeadroomBytes: 2 * GB,
 * });
 * if (totalBytes !== 20 * GB || availableBytes !== 19 * GB) throw new Error("17 are 85 %");
 * ```
 */
export function neededMachine(
  needs: Needs,
): Pick<MachineMemory, "totalBytes" | "availableBytes"> {
  let totalBytes = roundSize(totalBytesFor(needs.requiredBytes, needs), "up").bytes;
  for (;;) {
    const availableBytes = roundSize(neededAvailableBytes(needs, totalBytes), "up").bytes;
    if (availableBytes <= totalBytes) return { totalBytes, availableBytes };
    // What the watch keeps free grows with the total, more slowly than the total.
    totalBytes = availableBytes;
  }
}
