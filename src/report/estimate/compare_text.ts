import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import type { EstimatedModel, EstimateEntry } from "./estimate_json.ts";
import { printable } from "../printable.ts";

const NAME = 32;
const PART = 20;
const WIDTH = 15;
const LAST = 24;

/** The comparison's heading, ends with a newline. */
export function compareHeading(): string {
  return row("model", ["part", "header", "engine", "difference"]);
}

/**
 * What one model needs by its header and by the engine's own dry load, a line for each part: what
 * both count, with the difference, and what the dry load doesn't count at all. Ends with a newline.
 *
 * @param entries The header's answer and the engine's.
 */
export function compareText(entries: readonly EstimateEntry[]): string {
  const [header, engine] = entries;
  if (header === undefined || !("footprint" in header)) throw new RangeError("No header's answer");
  if (engine === undefined || !("footprint" in engine)) throw new RangeError("No engine's answer");
  const { dryLoad } = engine.footprint;
  if (dryLoad === undefined) throw new RangeError("No dry load to compare with");
  const name = printable(header.model.name);
  const shown = name.length < NAME ? name : `${name.slice(0, NAME - 2)}…`;
  return rowsOf(header, dryLoad).map((cells, index) => row(index === 0 ? shown : "", cells)).join(
    "",
  );
}

/** What the columns mean, for below the table. Ends with a newline. */
export const COMPARE_LEGEND =
  `not counted: a real load has it, llama.cpp's dry load leaves it out; --estimator engine adds the header's.
The dry load tells cache and compute as one sum.
`;

function rowsOf(
  { footprint: { bytes, devices = [] } }: EstimatedModel,
  dryLoad: NonNullable<EstimatedModel["footprint"]["dryLoad"]>,
): string[][] {
  const { leftOutBytes, modelBytes, contextBytes, onDevices } = dryLoad;
  const cache = bytes.kvCache + bytes.recurrentState;
  const notCounted: readonly (readonly [string, number])[] = [
    ["other layouts", leftOutBytes],
    ["output", bytes.output],
    ["vocabulary", bytes.vocabulary],
    ["runtime", bytes.runtime],
  ];
  return [
    compared("weights", bytes.weights - leftOutBytes, modelBytes),
    compared("cache and compute", cache + bytes.compute, contextBytes),
    ["  cache", formatAmount(cache), "", ""],
    ["  compute", formatAmount(bytes.compute), "", ""],
    ...onDevices === undefined ? [] : [
      compared(
        "on devices: weights",
        sum(devices.map(({ weights }) => weights)),
        onDevices.modelBytes,
      ),
      compared(
        "  cache and compute",
        sum(devices.map((one) => one.kvCache + one.recurrentState + one.compute)),
        onDevices.contextBytes,
      ),
    ],
    ...notCounted.filter(([, amount]) => amount > 0)
      .map(([part, amount]) => [part, formatAmount(amount), "not counted", ""]),
  ];
}

/** One part that both count. */
function compared(part: string, header: number, engine: number): string[] {
  const difference = header - engine;
  const percent = engine === 0
    ? ""
    : ` (${difference > 0 ? "+" : ""}${((difference / engine) * 100).toFixed(2)}%)`;
  const shown = difference === 0
    ? "none"
    : `${difference > 0 ? "+" : ""}${formatAmount(difference)}${percent}`;
  return [part, formatAmount(header), formatAmount(engine), shown];
}

function row(name: string, [part = "", ...figures]: readonly string[]): string {
  const line = name.padEnd(NAME) + part.padEnd(PART) +
    figures.map((text, index) => text.padStart(index < 2 ? WIDTH : LAST)).join("");
  return `${line.trimEnd()}\n`;
}
