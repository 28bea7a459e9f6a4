import type { MachineMemory } from "./memory.ts";

/**
 * How much of the system's memory is in use, in percent, 0 to 100. What is reserved and not yet
 * resident isn't in use.
 *
 * @example
 * ```ts
 * import { usedPercent } from "./usage.ts";
 * const memory = { totalBytes: 100, availableBytes: 20, reservedBytes: 5 };
 * if (usedPercent(memory) !== 75) throw new Error("100 − (20 + 5)");
 * ```
 */
export function usedPercent(
  memory: Pick<MachineMemory, "totalBytes" | "availableBytes" | "reservedBytes">,
): number {
  const used = memory.totalBytes - memory.availableBytes - memory.reservedBytes;
  return Math.min(100, Math.max(0, (used * 100) / memory.totalBytes));
}
