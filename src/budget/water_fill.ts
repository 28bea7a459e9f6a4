import { sum } from "./sum.ts";

/** One share of something that is divided. */
export interface Share {
  /** How it grows beside the others. */
  readonly weight: number;
  /** What it gets at least. */
  readonly minimum: number;
  /** How many get this much each. */
  readonly count: number;
}

/**
 * Divides an amount in proportion to weights, none under its minimum; `undefined` where the minima
 * alone are too much.
 *
 * @example
 * ```ts
 * import { waterFill } from "./water_fill.ts";
 * const share = { minimum: 0, count: 1 };
 * const [one, three] = waterFill([{ ...share, weight: 1 }, { ...share, weight: 3 }], 8) ?? [];
 * if (one !== 2 || three !== 6) throw new Error("In proportion");
 * const [least, rest] = waterFill([{ weight: 1, minimum: 5, count: 1 }, { ...share, weight: 3 }], 8) ?? [];
 * if (least !== 5 || rest !== 3) throw new Error("The minimum first");
 * ```
 */
export function waterFill(shares: readonly Share[], amount: number): number[] | undefined {
  if (sum(shares.map(({ minimum, count }) => minimum * count)) > amount) return undefined;
  const held = new Set<Share>();
  for (;;) {
    const growing = shares.filter((share) => !held.has(share));
    const weight = sum(growing.map((share) => share.weight * share.count));
    const left = amount - sum([...held].map(({ minimum, count }) => minimum * count));
    const level = weight > 0 ? left / weight : 0;
    // Holding one share at its minimum leaves less for the others, so look again until none falls.
    const below = growing.filter((share) => share.weight * level < share.minimum);
    if (below.length === 0) {
      return shares.map((share) => held.has(share) ? share.minimum : share.weight * level);
    }
    for (const share of below) held.add(share);
  }
}
