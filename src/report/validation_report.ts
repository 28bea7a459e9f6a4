import { defined } from "../budget/defined.ts";
import type { Validation } from "../budget/validation.ts";
import { describeModel, type ModelDescription } from "../gguf/describe_model.ts";
import type { Estimator, Footprint } from "../footprint/footprint.ts";
import type { Reservation, ReservedPlan } from "../plan/reserve.ts";

/** What a report says of a jar beside its validation. */
export interface InstanceDescription {
  readonly id: string;
  /** Tokens. */
  readonly contextSize: number;
  readonly footprint: Pick<Footprint, "bytes" | "resident" | "devices" | "confidence" | "notes">;
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

/** What is reported of a plan. */
export function validationReport({ plan, reservation }: ReservedPlan): ValidationReport {
  const headers = new Map(plan.jars.map((jar) => [jar.demand.model, jar.header]));
  return {
    validation: plan.validation,
    estimator: plan.settings.estimator,
    models: [...headers].map(([name, header]) => describeModel(header, name)),
    instances: plan.jars.map(({ demand, options, footprint }) => ({
      id: demand.id,
      contextSize: options.contextSize,
      footprint,
    })),
    ...defined({ reservation }),
  };
}
