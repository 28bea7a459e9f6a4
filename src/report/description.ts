import type { Validation } from "../budget/validation.ts";
import type { Confidence, Estimator, FootprintBytes } from "../footprint/footprint.ts";

/** What a report says of a model; DESIGN.md's `model` of `brainjar.estimate/1`. */
export interface ModelDescription {
  readonly path: string;
  /** `general.name`, else the file's name. */
  readonly name: string;
  readonly architecture: string;
  readonly parameters: number;
  /** The type that most weights have, `Q4_K`. */
  readonly quantization: string;
  /** Tokens; `null` where the header doesn't say. */
  readonly trainContextLength: number | null;
  /** Sum over the parts. */
  readonly fileBytes: number;
  /** How many files. */
  readonly parts: number;
}

/** What a report says of a jar beside its validation. */
export interface InstanceDescription {
  readonly id: string;
  /** Tokens. */
  readonly contextSize: number;
  readonly bytes: FootprintBytes;
  readonly confidence: Confidence;
}

/** Everything the validation report is made of. */
export interface ValidationReport {
  readonly validation: Validation;
  readonly estimator: Estimator;
  /** Each model once; the jars name them by path. */
  readonly models: readonly ModelDescription[];
  /** Those that are known; a jar without one shows its budget alone. */
  readonly instances: readonly InstanceDescription[];
}
