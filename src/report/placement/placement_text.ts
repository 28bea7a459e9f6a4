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

/** Jars that are called by name on each machine; more are told by their kinds, and in `--json`. */
const MOST_NAMES = 48;

/** Which machines hold which jars, for people: the sum first, then a line for equal machines. */
export function placementText(placement: Placement): string {
  const { kinds, shares } = placement;
  const names = placement.placedCount <= MOST_NAMES ? undefined : new JarNames(shares);
  return blocks([
    { title: placement.ok ? "PLACEMENT PASSED" : "PLACEMENT FAILED", lines: sumLines(placement) },
    ...placement.unplaced.length === 0 ? [] : [notPlaced(placement)],
    ...names === undefined ? [] : [{ title: "Jars", lines: names.lines() }],
    ...kinds.filter(({ used }) => used > 0).map(({ kind, used }): Block => {
      const here = shares.filter((share) => share.kind === kind);
      return {
        title: `${kind.name}: ${used} of ${machines(kind.count)}`,
        lines: [roomLine(here[0]?.validation), ...shareLines(here, names)],
      };
    }),
  ]);
}

function sumLines({ jarCount, placedCount, kinds, usedBytes, leastBytes }: Placement): string[] {
  const used = sum(kinds.map((one) => one.used));
  const given = sum(kinds.map(({ kind }) => kind.count));
  const isOneKind = kinds.length === 1 && used > 0;
  const least = isOneKind ? `${machines(Math.round((leastBytes * used) / usedBytes))}, ` : "";
  const over = leastBytes === 0 ? 0 : (usedBytes / leastBytes - 1) * 100;
  return fields([
    ["Jars placed", `${placedCount} of ${jarCount}`],
    ["Machines used", `${used} of ${given}, ${formatAmount(usedBytes)} in all`],
    [
      "Lower bound",
      `${least}${formatAmount(leastBytes)}` +
      (over > 0 ? `: at most ${(Math.ceil(over * 10) / 10).toFixed(1)}% could be saved` : ""),
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
function shareLines(shares: readonly PlacedMachines[], names: JarNames | undefined): string[] {
  let next = 1;
  const rows = shares.flatMap(({ machines, validation }) => {
    const first = next;
    next += machines.length;
    const full = fullness(validation);
    if (names === undefined) {
      return machines.map((held, at) => ({
        numbers: `${first + at}`,
        full,
        holds: held.map(namedText).join("; "),
      }));
    }
    const [each = []] = machines;
    return [{
      numbers: machines.length === 1 ? `${first}` : `${first}-${next - 1}`,
      full,
      holds: each.map((jars) => `${jars.ids.length} ${names.of(jars)}`).join(", "),
    }];
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

/** Few jars on a machine, by name. */
function namedText(jars: PlacedJars): string {
  const each = jars.ids.length === 1 ? "" : " each";
  return `${jars.ids.join(", ")} (${needText(jars)}${each})`;
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

/** Short names for many jars that need the same in the same way: #1, #2, … */
class JarNames {
  readonly #known = new Map<string, { readonly name: string; count: number }>();

  constructor(shares: readonly PlacedMachines[]) {
    for (const jars of shares.flatMap(({ machines }) => machines.flat())) {
      const text = describe(jars);
      const known = this.#known.get(text) ?? { name: `#${this.#known.size + 1}`, count: 0 };
      known.count += jars.ids.length;
      this.#known.set(text, known);
    }
  }

  of(jars: PlacedJars): string {
    return this.#known.get(describe(jars))?.name ?? "";
  }

  /** What each is, and how many there are. */
  lines(): string[] {
    const known = [...this.#known];
    const width = Math.max(...known.map(([, { name }]) => name.length));
    const countWidth = Math.max(...known.map(([, { count }]) => `${count}`.length));
    return [
      ...known.map(([text, { name, count }]) =>
        `${name.padStart(width)}  ${`${count}`.padStart(countWidth)} of ${text}`
      ),
      "Which jar is where: --json",
    ];
  }
}

function describe(jars: PlacedJars): string {
  return `${jars.group.model}, ${needText(jars)} each`;
}

function notPlaced({ unplaced, more }: Placement): Block {
  return {
    title: "NOT PLACED",
    lines: [...unplaced.flatMap(unplacedLines), ...more.length === 0 ? [] : [moreLine(more)]],
  };
}

/** Jars without a place that are called by name. */
const MOST_LISTED = 12;

function unplacedLines({ group, ids, reason, nearest, machine }: Unplaced): string[] {
  const who = ids.length === 1 ? `${ids[0]}` : `${ids.length} of ${group.model}`;
  const shown = ids.length === 1
    ? ""
    : ids.length <= MOST_LISTED
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
    ...(nearest?.issues ?? []).slice(0, 1)
      .map((issue) => `  ${near} comes nearest: ${issueMessage(issue)}`),
    ...holding,
  ];
}

function moreLine(more: readonly MoreMachines[]): string {
  const listed = more.map(({ kind, count }) => `${count} more of ${kind.name}`);
  return `Would hold those for which there is no room: ${listed.join(" and ")}`;
}
