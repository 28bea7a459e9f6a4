import type { AllocationReport, AllocationResult } from "../budget/allocation.ts";
import { formatAmount } from "../budget/size.ts";
import { blocks, fields, titled } from "./block.ts";
import { formatPercent } from "./format.ts";

/**
 * Layer 2's answer as people read it (src/budget/README.md, "Layer 2"), without a line break at the end.
 *
 * @example
 * ```ts
 * import { allocationText } from "./allocation_text.ts";
 * const text = allocationText({ ok: false, id: "god", reason: "already-allocated" });
 * if (text !== "ALLOCATION FAILED: Instance 'god' is already allocated") throw new Error(text);
 * ```
 */
export function allocationText(result: AllocationResult): string {
  if (result.ok) {
    return titled(`ALLOCATION APPROVED for ${result.id}`, [
      ["Allocated", formatAmount(result.allocatedBytes)],
      [
        "Total allocated",
        `${formatAmount(result.totalBytes)} / ${formatAmount(result.usableBytes)}`,
      ],
      ["Remaining budget", formatAmount(result.remainingBytes)],
      ...result.pools.slice(1).flatMap(({ id, allocatedBytes, ...all }): [string, string][] => [
        [`Allocated on ${id}`, formatAmount(allocatedBytes)],
        [`Total on ${id}`, `${formatAmount(all.totalBytes)} / ${formatAmount(all.usableBytes)}`],
        [`Remaining on ${id}`, formatAmount(all.remainingBytes)],
      ]),
    ]);
  }
  switch (result.reason) {
    case "already-allocated":
      return titled(`ALLOCATION FAILED: Instance '${result.id}' is already allocated`, []);
    case "empty-id":
      return "ALLOCATION FAILED: Instance id is empty";
    case "invalid-limit":
      return titled(
        `ALLOCATION FAILED: RAM limit of '${result.id}' must be more than zero: ` +
          `'${result.ramLimitBytes}'`,
        [],
      );
    case "no-such-device":
      return titled(`ALLOCATION FAILED: No device ${result.pool} on this machine`, [
        [`Requested on ${result.pool}`, formatAmount(result.requestedBytes)],
      ]);
    case "exceeds-budget":
      return titled(`ALLOCATION FAILED: Would exceed safe memory budget${onPool(result)}`, [
        [`Requested${onPool(result)}`, formatAmount(result.requestedBytes)],
        ["Total allocated after", formatAmount(result.totalAfterBytes)],
        ["Safe limit", formatAmount(result.usableBytes)],
        ["Exceeds by", formatAmount(result.excessBytes)],
      ]);
    case "insufficient-available":
      return titled(`ALLOCATION FAILED: Insufficient available memory${onPool(result)}`, [
        [
          result.pool === undefined ? "Required (with headroom)" : `Required${onPool(result)}`,
          formatAmount(result.neededBytes),
        ],
        ["Currently available", formatAmount(result.availableBytes)],
        ["Short by", formatAmount(result.shortBytes)],
      ]);
  }
}

/** Which pool a figure is of, where it isn't RAM. */
function onPool({ pool }: { readonly pool?: string }): string {
  return pool === undefined ? "" : ` on ${pool}`;
}

/**
 * The report of everything allocated (src/budget/README.md, "Layer 2"), without a line break at the end.
 *
 * @param processes what there is to say of jars in processes of their own
 */
export function allocationReportText(
  report: AllocationReport,
  processes: readonly string[] = [],
): string {
  const jars = report.jars.map(({ id, allocatedBytes, modelBytes, pools }) =>
    [
      `${id}  ${formatAmount(allocatedBytes)} (model: ${formatAmount(modelBytes)})`,
      ...pools.slice(1).map((pool) => `${formatAmount(pool.allocatedBytes)} on ${pool.id}`),
    ].join(", ")
  );
  return blocks([{
    title: "MEMORY ALLOCATION REPORT",
    lines: [
      ...fields([
        ["Total System RAM", formatAmount(report.totalBytes)],
        ["Current System Usage", formatPercent(report.usedPercent)],
        ["Safe Usable Budget", formatAmount(report.usableBytes)],
        ["Allocated to Instances", formatAmount(report.allocatedBytes)],
        ["Remaining Budget", formatAmount(report.remainingBytes)],
      ]),
      ...report.pools.slice(1).flatMap((pool) => [
        `On ${pool.id}:`,
        ...fields([
          ["Total", formatAmount(pool.totalBytes)],
          ["Current Usage", formatPercent(pool.usedPercent)],
          ["Safe Usable Budget", formatAmount(pool.usableBytes)],
          ["Allocated to Instances", formatAmount(pool.allocatedBytes)],
          ["Remaining Budget", formatAmount(pool.remainingBytes)],
        ], "  "),
      ]),
      "",
      "Instances:",
      ...(jars.length === 0 && processes.length === 0 ? ["(none)"] : jars).map((line) =>
        `  ${line}`
      ),
      ...processes.map((line) => `  ${line}`),
    ],
  }]);
}
