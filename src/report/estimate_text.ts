import { formatAmount } from "../budget/size.ts";
import type { FootprintBytes } from "../footprint/footprint.ts";
import type { EstimatedModel } from "./estimate_json.ts";
import { printable } from "./printable.ts";

/** The parts that have a column, with their heading; the sums that decide come last. */
const COLUMNS: readonly (readonly [heading: string, bytes: (parts: FootprintBytes) => number])[] = [
  ["weights", (parts) => parts.weights],
  ["KV cache", (parts) => parts.kvCache + parts.recurrentState],
  ["compute", (parts) => parts.compute + parts.output],
  ["repacked", (parts) => parts.repacked],
  ["vocabulary", (parts) => parts.vocabulary],
  ["floor", (parts) => parts.floor],
  ["working set", (parts) => parts.workingSet],
  ["peak", (parts) => parts.peak],
];

/** Characters of a model's name before it is cut. */
const LONGEST_NAME = 40;

/** A row is printed as soon as its model was read, so widths are fixed. */
const WIDTH = 12;

/** The table's heading, ends with a newline. */
export function estimateHeading(): string {
  const headings = COLUMNS.map(([heading]) => heading.padStart(WIDTH)).join("");
  return `${"model".padEnd(LONGEST_NAME)}${"context".padStart(9)}${headings}\n`;
}

/** One model's row, ends with a newline. */
export function estimateRow({ model, options, footprint }: EstimatedModel): string {
  const figures = COLUMNS.map(([, bytes]) => formatAmount(bytes(footprint.bytes)).padStart(WIDTH))
    .join("");
  const context = String(options.contextSize).padStart(9);
  return `${shortened(printable(model.name)).padEnd(LONGEST_NAME)}${context}${figures}\n`;
}

/** Why an estimate isn't exact, a line each; nothing where it is. */
export function estimateNotes({ model, footprint }: EstimatedModel): string {
  return footprint.notes.map((note) =>
    `note: ${printable(model.name)}: ${printable(note)} (confidence: ${footprint.confidence})\n`
  ).join("");
}

/** What the columns mean, for below the table. Ends with a newline. */
export const ESTIMATE_LEGEND =
  `floor: killed below. working set: full speed; below it weights are read from disk for every token.
peak: with every page of the file in memory.
`;

function shortened(name: string): string {
  return name.length < LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 2)}…`;
}
