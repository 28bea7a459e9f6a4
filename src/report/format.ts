import { type PoolBytes, RAM } from "../budget/pools/pools.ts";
import { formatAmount } from "../budget/size.ts";

/**
 * Percent with one decimal.
 *
 * @example
 * ```ts
 * import { formatPercent } from "./format.ts";
 * if (formatPercent(12.34) !== "12.3%") throw new Error("One decimal");
 * ```
 */
export function formatPercent(percent: number): string {
  return `${percent.toFixed(1)}%`;
}

/**
 * A count of parameters as people say it.
 *
 * @example
 * ```ts
 * import { formatParameters } from "./format.ts";
 * if (formatParameters(8_030_000_000) !== "8.03 B") throw new Error("Billions");
 * if (formatParameters(260_000) !== "260 K") throw new Error("Thousands");
 * ```
 */
export function formatParameters(parameters: number): string {
  const units = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]] as const;
  const [unit, letter] = units.find(([unit]) => parameters >= unit) ?? [1, ""];
  return `${Number((parameters / unit).toPrecision(3))} ${letter}`.trimEnd();
}

/**
 * What there is of each pool, in one line: RAM's amount, then that of each device with its name.
 *
 * @example
 * ```ts
 * import { poolAmounts } from "./format.ts";
 * const GB = 1024 ** 3;
 * if (poolAmounts(2 * GB, []) !== "2.00 GB") throw new Error("RAM needs no name");
 * const both = poolAmounts(2 * GB, [{ id: "cuda:0", bytes: 8 * GB }]);
 * if (both !== "2.00 GB, 8.00 GB on cuda:0") throw new Error(both);
 * ```
 */
export function poolAmounts(ramBytes: number, pools: readonly PoolBytes[]): string {
  const devices = pools.filter(({ id }) => id !== RAM);
  return [
    formatAmount(ramBytes),
    ...devices.map(({ id, bytes }) => `${formatAmount(bytes)} on ${id}`),
  ].join(", ");
}
