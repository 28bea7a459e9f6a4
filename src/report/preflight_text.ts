import type { PreflightResult } from "../budget/preflight.ts";
import { formatAmount } from "../budget/size.ts";
import { titled } from "./block.ts";
import { formatPercent } from "./format.ts";

/**
 * Layer 3's answer as people read it (src/budget/README.md, "Layer 3"), without a line break at the end.
 */
export function preflightText(result: PreflightResult): string {
  switch (result.level) {
    case "ok":
      return `OK: Sufficient memory available (${formatAmount(result.availableBytes)} >= ` +
        `${formatAmount(result.neededBytes)})`;
    case "warning":
      return `WARNING: System memory already at ${formatPercent(result.usedPercent)}`;
    case "refused":
      return titled("INSUFFICIENT MEMORY for model load", [
        ["Available", formatAmount(result.availableBytes)],
        [
          "Required",
          `${formatAmount(result.neededBytes)} (including ` +
          `${formatAmount(result.headroomBytes)} headroom)`,
        ],
        ["Short by", formatAmount(result.shortBytes)],
      ]);
  }
}
