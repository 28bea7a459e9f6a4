import type { MachineMemory } from "../memory.ts";
import { leastAvailableBytes, totalBytesFor } from "../policy.ts";
import { roundSize } from "../size.ts";
import type { Validation } from "../validation.ts";

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
