import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import { blocks } from "../block.ts";
import { printable } from "../printable.ts";
import type { PlannedRequest, PlannedRequests } from "./planned_request.ts";

/** What jars in processes of their own ask for, for people: a row for each. */
export function planText({ jars, coordinatorBytes }: PlannedRequests): string {
  const kinds = kindsOfLimit(jars);
  const hasDevices = jars.some(({ devices }) => devices.length > 0);
  const requested = sum(jars.map(({ requestBytes }) => requestBytes));
  const rows = [
    [
      "jar",
      "request",
      "floor",
      ...kinds.map((_, at) => nameOfKind(at)),
      ...hasDevices ? ["on devices"] : [],
      "context",
      "model",
    ],
    ...jars.map((jar) => [
      printable(jar.id),
      formatAmount(jar.requestBytes),
      formatAmount(jar.floorBytes),
      ...kinds.map(([launcher = ""]) => formatAmount(limitOf(jar, launcher))),
      ...hasDevices ? [jar.devices.map(amountOn).join(", ")] : [],
      String(jar.contextSize),
      printable(jar.model),
    ]),
    ["the run", formatAmount(coordinatorBytes)],
    ["all", formatAmount(requested + coordinatorBytes)],
  ];
  return blocks([
    { title: "JARS IN PROCESSES OF THEIR OWN", lines: columns(rows) },
    {
      title: "What the figures are",
      lines: [
        ...LEGEND,
        ...kinds.map((launchers, at) => `${nameOfKind(at)} of ${launchers.join(", ")}`),
      ],
    },
  ]);
}

const LEGEND = [
  "request: the working set; with less, weights are read from disk for",
  "  every token",
  "floor: memory that can't be given back, at its highest; below it the",
  "  kernel kills",
  "limit: what a scheduler holds the jar to: the floor and what its",
  "  accounting adds, or the request where that is more",
  "the run: its own process, which holds no model",
];

/** Launchers by the limits that they are asked for: those that every jar's is the same with. */
function kindsOfLimit(jars: readonly PlannedRequest[]): string[][] {
  const names = jars[0]?.limits.map(({ launcher }) => launcher) ?? [];
  const limits = (name: string) => JSON.stringify(jars.map((jar) => limitOf(jar, name)));
  return [...Map.groupBy(names, limits).values()];
}

function limitOf({ limits }: PlannedRequest, name: string): number {
  return limits.find(({ launcher }) => launcher === name)?.limitBytes ?? 0;
}

function nameOfKind(at: number): string {
  return at === 0 ? "limit" : `limit ${at + 1}`;
}

function amountOn({ id, bytes }: PlannedRequest["devices"][number]): string {
  return `${formatAmount(bytes)} on ${id}`;
}

/** Cells as lines: the first and the last from the left, figures from the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const last = (rows[0]?.length ?? 0) - 1;
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, at) => {
      const width = widths?.[at] ?? 0;
      return at === 0 || at === last ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}
