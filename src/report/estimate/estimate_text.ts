import { sum } from "../../budget/sum.ts";
import { formatAmount } from "../../budget/size.ts";
import type { DeviceBytes, Footprint, ResidentPartName } from "../../footprint/footprint.ts";
import type { EstimatedModel } from "./estimate_json.ts";
import { deviceTotal } from "../devices_text.ts";
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

/** One model's row, and below it one for each device that it is on; ends with a newline. */
export function estimateRow(estimated: EstimatedModel): string {
  const { devices = [] } = estimated.footprint;
  const used = devices.filter((device) => deviceTotal(device) > 0);
  return ramRow(estimated) +
    used.map((device) => deviceRow(device, estimated.options)).join("");
}

function deviceRow(device: DeviceBytes, { offload }: EstimatedModel["options"]): string {
  const { id, weights, kvCache, recurrentState, compute, runtime, thinking } = device;
  const parts: Readonly<Record<string, number>> = {
    copied: weights,
    cache: kvCache + recurrentState,
    compute,
    process: runtime,
    other: thinking,
  };
  const figures = FIGURES.map(() => formatAmount(deviceTotal(device)));
  const layers = offload?.gpuLayers ?? 0;
  const cells = Object.keys(PARTS).map((name) => partAmount(parts[name] ?? 0));
  return row(`  on ${id}, --gpu-layers ${layers}`, "", cells, figures);
}

function partAmount(bytes: number): string {
  return bytes === 0 ? "-" : formatAmount(bytes);
}

function ramRow({ model, options, footprint }: EstimatedModel): string {
  const { workingSet, floor, peak } = footprint.bytes;
  const parts = workingSetParts(footprint).map(({ bytes }) => partAmount(bytes));
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

/** What the working set is made of, by the table's columns. */
export function workingSetParts(
  { resident }: Pick<Footprint, "resident">,
): { readonly name: string; readonly bytes: number }[] {
  return Object.entries(PARTS).map(([name, parts]) => ({
    name,
    bytes: sum(resident.filter(({ part }) => parts.includes(part)).map((part) => part.workingSet)),
  }));
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

/** The same where devices are shown. Ends with a newline. */
export const DEVICES_LEGEND =
  `on a device: copied is its weights; process is the backend's, once for all jars; other is what thinking takes.
`;

function shortened(name: string): string {
  return name.length < LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 2)}…`;
}
