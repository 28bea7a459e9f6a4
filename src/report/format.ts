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
