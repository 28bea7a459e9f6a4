import { sum } from "../../budget/sum.ts";
import type { MemorySource } from "../../budget/memory.ts";

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
