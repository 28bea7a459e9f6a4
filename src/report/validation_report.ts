import type { Validation } from "../budget/validation.ts";
import type { ModelDescription } from "../gguf/describe_model.ts";
import type { Confidence, Estimator, FootprintBytes } from "../footprint/footprint.ts";

/** What a report says of a jar beside its validation. */
export interface InstanceDescription {
  readonly id: string;
  /** Tokens. */
  readonly contextSize: number;
  readonly bytes: FootprintBytes;
  readonly confidence: Confidence;
}

/** Memory that `check --reserve` holds for a job's next step. */
export interface Reservation {
  /** What `brainjar release` takes. */
  readonly token: string;
  readonly bytes: number;
  readonly seconds: number;
}

/** Everything the validation report is made of. */
export interface ValidationReport {
  readonly validation: Validation;
  readonly estimator: Estimator;
  /** Each model once; the jars name them by path. */
  readonly models: readonly ModelDescription[];
  /** Those that are known; a jar without one shows its budget alone. */
  readonly instances: readonly InstanceDescription[];
  /** Absent where none was asked for, or nothing fits. */
  readonly reservation?: Reservation;
}
