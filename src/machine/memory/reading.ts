import { sum } from "../../budget/sum.ts";
import type { MemorySource } from "../../budget/memory.ts";
import type { MachineWarning } from "../warning.ts";

/** Where the kernel shows each memory node. */
export const NODES_PATH = "/sys/devices/system/node";

/** Whether the kernel promises more than there is. */
export const OVERCOMMIT_PATH = "/proc/sys/vm/overcommit_memory";

/** One reading of what memory there is, before it is known whether it decides. */
export type MemoryReading = Omit<MemorySource, "figure" | "decides">;

/** A figure that a reading is added up from; what is taken off is negative. */
export type ReadingTerm = NonNullable<MemorySource["terms"]>[number];

/** A reading that is the sum of several, and never less than nothing. */
export function sumReading(
  name: string,
  terms: readonly [ReadingTerm, ...ReadingTerm[]],
  counts?: MemorySource["counts"],
): MemoryReading {
  const bytes = Math.max(0, sum(terms.map((term) => term.bytes)));
  return { name, path: terms[0].path, bytes, terms, ...(counts === undefined ? {} : { counts }) };
}

/** The same figure, to be taken off. */
export function takenOff(term: ReadingTerm): ReadingTerm {
  return { ...term, bytes: -term.bytes };
}

/** Readings of what bounds a process beside the machine's own, and what is doubtful about them. */
export interface Bounds {
  readonly totals: readonly MemoryReading[];
  readonly available: readonly MemoryReading[];
  readonly warnings: readonly MachineWarning[];
}

/** No bound at all. */
export const UNBOUNDED: Bounds = { totals: [], available: [], warnings: [] };
