import type { Criterion } from "./demand.ts";
import { GB } from "./size.ts";

/** What is promised and what is kept back. One margin governs all three layers. */
export interface Policy {
  /** Percentage of total RAM never given out, 0 ≤ p < 100. */
  readonly safetyMarginPercent: number;
  /** Kept free beside a jar when it is allocated (layer 2), in bytes. */
  readonly allocationHeadroomBytes: number;
  /** Kept free beside a model when it is loaded (layer 3), in bytes. */
  readonly loadHeadroomBytes: number;
  readonly criterion: Criterion;
  /** Whether jars on the same model share one load of it. */
  readonly shareWeights: boolean;
}

/** RULES.md's numbers: 15 %, 1.0 GB and 2.0 GB. */
export const DEFAULT_POLICY: Policy = {
  safetyMarginPercent: 15,
  allocationHeadroomBytes: 1 * GB,
  loadHeadroomBytes: 2 * GB,
  criterion: "working-set",
  shareWeights: true,
};
