import { BrainjarError } from "../budget/error.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { NO_MACHINE_HINT } from "./machine_warning.ts";

/** What brainjar asks of systeminformation's `mem()`, in bytes. */
export interface ReportedMemory {
  readonly total: number;
  readonly available: number;
  readonly swaptotal: number;
  readonly swapfree: number;
}

/**
 * Memory on macOS and Windows, whole bytes, through systeminformation: the only place that names it.
 *
 * It knows no limits of the process and answers zeros where a reading failed, so a zero total is the
 * error `machine-unreadable`.
 */
export async function readOtherMemory(
  report: () => Promise<ReportedMemory> = reportMemory,
): Promise<MachineMemory> {
  let memory: ReportedMemory;
  try {
    memory = await report();
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const { total, available, swaptotal, swapfree } = memory;
  if (!isSize(total) || total === 0) throw unreadable(`it reports a total of ${total}`);
  if (!isSize(available)) throw unreadable(`it reports ${available} as available`);
  return {
    totalBytes: total,
    availableBytes: Math.min(available, total),
    promisedBytes: 0,
    sources: [
      { figure: "total", name: "Total memory of the system", bytes: total, decides: true },
      { figure: "available", name: "Available memory", bytes: available, decides: true },
    ],
    ...(isSize(swaptotal) && isSize(swapfree)
      ? { swap: { totalBytes: swaptotal, freeBytes: swapfree } }
      : {}),
    warnings: [],
  };
}

async function reportMemory(): Promise<ReportedMemory> {
  const { mem } = await import("systeminformation");
  return await mem();
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function unreadable(reason: string, cause?: unknown): BrainjarError {
  return new BrainjarError(
    "machine-unreadable",
    `The machine's memory can't be read through systeminformation: ${reason}`,
    { hint: NO_MACHINE_HINT, ...(cause === undefined ? {} : { cause }) },
  );
}
