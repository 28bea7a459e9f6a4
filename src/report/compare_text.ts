import { formatAmount } from "../budget/size.ts";
import type { EstimateEntry } from "./estimate_json.ts";
import { printable } from "./printable.ts";

/** Columns of the comparison: what llama.cpp itself counts. */
const WIDTH = 14;
const NAME = 40;

/** The comparison's heading, ends with a newline. */
export function compareHeading(): string {
  const headings = ["header", "exact", "difference", "percent"];
  return `${"model".padEnd(NAME)}${headings.map((text) => text.padStart(WIDTH)).join("")}\n`;
}

/**
 * Weights and context of one model by its header, by the engine's own dry load, and their
 * difference. Ends with a newline.
 *
 * @param entries The header's answer and the exact one.
 */
export function compareRow(entries: readonly EstimateEntry[]): string {
  const [header, exact] = entries.map(allocatedBytes);
  const [first] = entries;
  if (header === undefined || exact === undefined || first === undefined || "error" in first) {
    throw new RangeError("Two answers are needed to compare");
  }
  const difference = header - exact;
  const figures = [
    formatAmount(header),
    formatAmount(exact),
    formatAmount(difference),
    `${((difference / exact) * 100).toFixed(2)}%`,
  ];
  const name = printable(first.model.name).slice(0, NAME - 1);
  return `${name.padEnd(NAME)}${figures.map((text) => text.padStart(WIDTH)).join("")}\n`;
}

/** What llama.cpp allocates for a model and its context, in bytes. */
function allocatedBytes(entry: EstimateEntry): number | undefined {
  if ("error" in entry) return undefined;
  const { weights, kvCache, recurrentState, compute, output } = entry.footprint.bytes;
  return weights + kvCache + recurrentState + compute + output;
}
