import { sum } from "../sum.ts";

/** One share of something that is divided. */
export interface Share {
  /** How it grows beside the others, more than zero. */
  readonly weight: number;
  /** What it gets at least. */
  readonly minimum: number;
  /** What it gets at most, no less than the minimum; absent where there is no such thing. */
  readonly maximum?: number;
  /** How many get this much each. */
  readonly count: number;
}

/**
 * Divides an amount in proportion to weights, none under its minimum and none over its maximum: what
 * nobody may have is left. `undefined` where the minima alone are too much.
 *
 * @example
 * ```ts
 * import { waterFill } from "./water_fill.ts";
 * const share = { minimum: 0, count: 1 };
 * const [one, three] = waterFill([{ ...share, weight: 1 }, { ...share, weight: 3 }], 8) ?? [];
 * if (one !== 2 || three !== 6) throw new Error("In proportion");
 * const [least, rest] = waterFill([{ weight: 1, minimum: 5, count: 1 }, { ...share, weight: 3 }], 8) ?? [];
 * if (least !== 5 || rest !== 3) throw new Error("The minimum first");
 * const [all] = waterFill([{ ...share, weight: 1, maximum: 2 }], 8) ?? [];
 * if (all !== 2) throw new Error("No more than the maximum");
 * ```
 */
export function waterFill(shares: readonly Share[], amount: number): number[] | undefined {
  const at = (level: number) =>
    shares.map(({ weight, minimum, maximum = Infinity }) =>
      Math.min(maximum, Math.max(minimum, weight * level))
    );
  const filled = (level: number) =>
    sum(at(level).map((each, index) => each * (shares[index]?.count ?? 0)));
  if (filled(0) > amount) return undefined;
  // Between two of these levels the same shares grow, so the last that isn't too high is enough.
  const bounds = shares.flatMap(({ weight, minimum, maximum = Infinity }) =>
    [minimum / weight, maximum / weight].filter(Number.isFinite)
  );
  const level = Math.max(0, ...bounds.filter((bound) => filled(bound) <= amount));
  const growing = shares.filter(({ weight, minimum, maximum = Infinity }) =>
    weight * level >= minimum && weight * level < maximum
  );
  const weight = sum(growing.map((share) => share.weight * share.count));
  return at(weight > 0 ? level + (amount - filled(level)) / weight : level);
}
