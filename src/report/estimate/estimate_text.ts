import { sum } from "../../budget/sum.ts";
import { formatAmount } from "../../budget/size.ts";
import type { Footprint, ResidentPartName } from "../../footprint/footprint.ts";
import type { EstimatedModel } from "./estimate_json.ts";
import { printable } from "../printable.ts";

/** The columns that sum to the working set, with the parts that each has. */
const PARTS: Readonly<Record<string, readonly ResidentPartName[]>> = {
  mapped: ["mapped", "file"],
  copied: ["repacked", "copied"],
  cache: ["cache"],
  compute: ["compute"],
  vocabulary: ["vocabulary"],
  process: ["runtime", "driver", "kernel", "program"],
  other: ["device", "loading", "allowance", "measured"],
};

/** Figures that decide, after them. */
const FIGURES = ["working set", "floor", "peak"];

/** Characters of a model's name before it is cut. */
const LONGEST_NAME = 32;

/** A row is printed as soon as its model was read, so widths are fixed. */
const PART_WIDTH = 12;
const FIGURE_WIDTH = 13;

/** The table's heading, ends with a newline. */
export function estimateHeading(): string {
  return row("model", "context", Object.keys(PARTS), FIGURES);
}

/** One model's row, ends with a newline. */
export function estimateRow({ model, options, footprint }: EstimatedModel): string {
  const { workingSet, floor, peak } = footprint.bytes;
  const parts = Object.values(PARTS).map((names) => partBytes(footprint, names))
    .map((bytes) => bytes === 0 ? "-" : formatAmount(bytes));
  const figures = [workingSet, floor, peak].map(formatAmount);
  return row(shortened(printable(model.name)), String(options.contextSize), parts, figures);
}

function row(
  name: string,
  context: string,
  parts: readonly string[],
  figures: readonly string[],
): string {
  const cells = [
    context.padStart(9),
    ...parts.map((part) => part.padStart(PART_WIDTH)),
    ...figures.map((figure) => figure.padStart(FIGURE_WIDTH)),
  ];
  return `${name.padEnd(LONGEST_NAME)}${cells.join("")}\n`;
}

function partBytes(
  { resident }: Pick<Footprint, "resident">,
  names: readonly ResidentPartName[],
): number {
  return sum(resident.filter(({ part }) => names.includes(part)).map((part) => part.workingSet));
}

/** Why an estimate isn't exact, a line each; nothing where it is. */
export function estimateNotes({ model, footprint }: EstimatedModel): string {
  return footprint.notes.map((note) =>
    `note: ${printable(model.name)}: ${printable(note)} (confidence: ${footprint.confidence})\n`
  ).join("");
}

/** What the columns mean, for below the table. Ends with a newline. */
export const ESTIMATE_LEGEND =
  `working set: the columns before it; full speed, below it weights are read from disk for every token.
floor: the same without mapped weights, or what loading takes where that is more; killed below.
peak: with every page of the file in memory. other: what loading takes beyond thinking, and the like.
`;

function shortened(name: string): string {
  return name.length < LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 2)}…`;
}
