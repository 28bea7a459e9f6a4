import { RAM } from "../../budget/pools/pools.ts";
import type { PlacedJars, PlacedMachines, Placement } from "../../budget/placement/place.ts";
import type { MoreMachines, Unplaced } from "../../budget/placement/unplaced.ts";
import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import type { Validation } from "../../budget/validation.ts";
import { type Block, blocks, fields } from "../block.ts";
import { layersText } from "../devices_text.ts";
import { formatPercent } from "../format.ts";
import { issueMessage } from "../message.ts";

/** Jars of equal machines that are called by name; of more there is how many, and `--json`. */
const MOST_NAMES = 24;

/** Which machines hold which jars, for people: the sum first, then a line for equal machines. */
export function placementText(placement: Placement): string {
  const { kinds, shares } = placement;
  return blocks([
    { title: placement.ok ? "PLACEMENT PASSED" : "PLACEMENT FAILED", lines: sumLines(placement) },
    ...kinds.filter(({ used }) => used > 0).map(({ kind, used }): Block => {
      const here = shares.filter((share) => share.kind === kind);
      return {
        title: `${kind.name}: ${used} of ${machines(kind.count)}`,
        lines: [roomLine(here[0]?.validation), ...shareLines(here)],
      };
    }),
    ...placement.unplaced.length === 0 ? [] : [notPlaced(placement)],
  ]);
}

function sumLines({ jarCount, placedCount, kinds, usedBytes, leastBytes }: Placement): string[] {
  const used = sum(kinds.map((one) => one.used));
  const given = sum(kinds.map(({ kind }) => kind.count));
  const over = leastBytes === 0 ? 0 : (usedBytes / leastBytes - 1) * 100;
  const [only] = kinds.length === 1 ? kinds : [];
  const least = only === undefined || used === 0
    ? undefined
    : Math.round(leastBytes / (usedBytes / used));
  return fields([
    ["Jars placed", `${placedCount} of ${jarCount}`],
    ["Machines used", `${used} of ${given}, ${formatAmount(usedBytes)} in all`],
    [
      "Lower bound",
      `${least === undefined ? "" : `${machines(least)}, `}${formatAmount(leastBytes)} (` +
      `${formatPercent(over)} less than used)`.replace(
        /^0\.0% less than used\)$/,
        "none needs less)",
      ),
    ],
  ]);
}

function machines(count: number): string {
  return count === 1 ? "1 machine" : `${count} machines`;
}

/** What may be given out on each machine of a kind. */
function roomLine(validation: Validation | undefined): string {
  const rooms = (validation?.pools ?? []).map(({ id, usableBytes }) =>
    id === RAM ? `${formatAmount(usableBytes)} RAM` : `${formatAmount(usableBytes)} on ${id}`
  );
  return `Each may give out ${rooms.join(", ")}`;
}

/** A line for equal machines: their numbers, how full they are, and what each holds. */
function shareLines(shares: readonly PlacedMachines[]): string[] {
  let first = 1;
  const rows = shares.map(({ machines, validation }) => {
    const last = first + machines.length - 1;
    const numbers = first === last ? `${first}` : `${first}-${last}`;
    first = last + 1;
    return { numbers, full: fullness(validation), holds: heldText(machines) };
  });
  const width = Math.max(...rows.map(({ numbers }) => numbers.length));
  const fullWidth = Math.max(...rows.map(({ full }) => full.length));
  return rows.map(({ numbers, full, holds }) =>
    `  ${numbers.padStart(width)}  ${full.padEnd(fullWidth)}  ${holds}`
  );
}

function fullness({ pools }: Validation): string {
  return pools.filter(({ id, requiredBytes }) => id === RAM || requiredBytes > 0)
    .map(({ id, requiredBytes, usableBytes }) => {
      const share = formatPercent((requiredBytes * 100) / usableBytes);
      return id === RAM ? share : `${share} of ${id}`;
    }).join(", ");
}

function heldText(machines: readonly (readonly PlacedJars[])[]): string {
  const [each = []] = machines;
  const names = sum(machines.flat().map(({ ids }) => ids.length)) <= MOST_NAMES;
  return each.map((jars, at) => {
    const called = machines.flatMap((held) => held[at]?.ids ?? []);
    const needs = needText(jars);
    if (names && called.length === 1) return `${called[0]} (${needs})`;
    const text = `${jars.ids.length} of ${jars.group.model} (${needs} each)`;
    return names ? `${text}: ${called.join(", ")}` : text;
  }).join("; ");
}

/** What one jar needs where it is. */
function needText({ group, way }: PlacedJars): string {
  const { footprint, gpuLayers } = way;
  const ram = Math.max(group.ramLimitBytes ?? 0, footprint.workingSetBytes);
  return [
    formatAmount(ram),
    ...(footprint.devices ?? []).map(({ id, bytes }) => `${formatAmount(bytes)} on ${id}`),
    ...gpuLayers === undefined ? [] : [`layers ${layersText(gpuLayers)}`],
  ].join(", ");
}

function notPlaced({ unplaced, more }: Placement): Block {
  return {
    title: "NOT PLACED",
    lines: [...unplaced.flatMap(unplacedLines), ...more.length === 0 ? [] : [moreLine(more)]],
  };
}

function unplacedLines({ group, ids, reason, nearest, machine }: Unplaced): string[] {
  const who = ids.length === 1 ? `${ids[0]}` : `${ids.length} of ${group.model}`;
  const shown = ids.length === 1
    ? ""
    : ids.length <= MOST_NAMES
    ? ` (${ids.join(", ")})`
    : ` (${ids[0]} to ${ids.at(-1)})`;
  const near = nearest?.kind.name ?? "";
  const why = {
    "full": `there is no room left; an empty ${near} would hold ${ids.length === 1 ? "it" : "one"}`,
    "too-large": "no machine of these holds one",
    "no-device": "layers are to be on a device, and no machine of these has one that it may use",
    "over-limit": "the RAM limit is too low on any machine",
  }[reason];
  const holding = machine === undefined || reason !== "too-large" ? [] : [
    `  A machine of ${formatAmount(machine.totalBytes)}${
      machine.devices.map(({ id, totalBytes }) => ` with ${formatAmount(totalBytes)} on ${id}`)
        .join("")
    } would hold one`,
  ];
  return [
    `${who}${shown}: ${why}`,
    ...(nearest?.issues ?? []).map((issue) => `  ${near} comes nearest: ${issueMessage(issue)}`),
    ...holding,
  ];
}

function moreLine(more: readonly MoreMachines[]): string {
  const listed = more.map(({ kind, count }) => `${count} more of ${kind.name}`);
  return `Would hold those for which there is no room: ${listed.join(" and ")}`;
}
