import type { PoolPreflight, PreflightResult } from "../budget/preflight.ts";
import { namedPool } from "../budget/pools/pools.ts";
import { formatAmount } from "../budget/size.ts";
import { titled } from "./block.ts";
import { formatPercent } from "./format.ts";

/**
 * Layer 3's answer as people read it (src/budget/README.md, "Layer 3"), without a line break at the
 * end: a line for each pool, and where it is refused those pools that are short.
 */
export function preflightText(result: PreflightResult): string {
  const { level, pools, usedPercent } = result;
  switch (level) {
    case "ok":
      return pools.map(sufficient).join("\n");
    case "warning":
      return [
        `WARNING: System memory already at ${formatPercent(usedPercent)}`,
        ...pools.slice(1).map(sufficient),
      ].join("\n");
    case "refused":
      return pools.filter(({ shortBytes }) => shortBytes > 0).map(insufficient).join("\n");
  }
}

function sufficient({ id, availableBytes, neededBytes }: PoolPreflight): string {
  return `OK: Sufficient memory available${onPool(id)} (${formatAmount(availableBytes)} >= ` +
    `${formatAmount(neededBytes)})`;
}

function insufficient(pool: PoolPreflight): string {
  const { id, availableBytes, neededBytes, headroomBytes, shortBytes } = pool;
  const headroom = onPool(id) === "" ? ` (including ${formatAmount(headroomBytes)} headroom)` : "";
  return titled(`INSUFFICIENT MEMORY${onPool(id)} for model load`, [
    ["Available", formatAmount(availableBytes)],
    ["Required", formatAmount(neededBytes) + headroom],
    ["Short by", formatAmount(shortBytes)],
  ]);
}

function onPool(id: string): string {
  const { pool } = namedPool(id);
  return pool === undefined ? "" : ` on ${pool}`;
}
