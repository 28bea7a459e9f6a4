import type { Criterion, Mode, Role } from "../budget/demand.ts";
import type { MemorySource } from "../budget/memory.ts";
import type { IssueCode, Validation } from "../budget/validation.ts";
import type { Estimator } from "../footprint/footprint.ts";
import type { Reservation } from "./validation_report.ts";
import { issueMessage, recommendationMessage, warningMessage } from "./message.ts";

/** A finding for programs: `code` is stable, `message` is for people. */
export interface Finding<Code extends string = string> {
  readonly code: Code;
  readonly message: string;
}

/** What `check --json` prints (src/report/README.md, "Output"). All bytes whole. */
export interface CheckJson {
  readonly schema: "brainjar.check/1";
  readonly verdict: "pass" | "fail";
  readonly criterion: Criterion;
  readonly mode: Mode;
  readonly estimator: Estimator;
  readonly memory: {
    readonly totalBytes: number;
    readonly availableBytes: number;
    readonly sources: readonly MemorySource[];
  };
  readonly safetyMarginPercent: number;
  readonly usableBytes: number;
  /** Sum of the instances' less `sharedWeightBytes`. */
  readonly requiredBytes: number;
  readonly sharedWeightBytes: number;
  readonly instances: readonly {
    readonly id: string;
    readonly role: Role;
    readonly model: string;
    /** `null` where no limit was given. */
    readonly ramLimitBytes: number | null;
    readonly floorBytes: number;
    readonly footprintBytes: number;
    readonly requiredBytes: number;
  }[];
  readonly issues: readonly Finding<IssueCode>[];
  readonly warnings: readonly Finding[];
  readonly recommendations: readonly {
    readonly message: string;
    readonly flags: readonly string[];
  }[];
  /** Of `--reserve`; absent where none was asked for, or nothing fits. */
  readonly reservation?: Reservation;
}

/**
 * A validation as `check --json` prints it: the keys of src/report/README.md in its order.
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "../budget/policy.ts";
 * import { validateMemoryBudget } from "../budget/validate.ts";
 * import { checkJson } from "./check_json.ts";
 *
 * const validation = validateMemoryBudget({
 *   mode: "single",
 *   instances: [],
 *   memory: { totalBytes: 100, availableBytes: 50, promisedBytes: 0, sources: [], warnings: [] },
 *   policy: DEFAULT_POLICY,
 * });
 * const json = checkJson(validation, "header");
 * if (json.verdict !== "pass" || json.usableBytes !== 85) throw new Error(JSON.stringify(json));
 * ```
 */
export function checkJson(
  validation: Validation,
  estimator: Estimator,
  reservation?: Reservation,
): CheckJson {
  const { memory } = validation;
  return {
    schema: "brainjar.check/1",
    verdict: validation.verdict,
    criterion: validation.criterion,
    mode: validation.mode,
    estimator,
    memory: {
      totalBytes: memory.totalBytes,
      availableBytes: memory.availableBytes,
      sources: memory.sources,
    },
    safetyMarginPercent: validation.safetyMarginPercent,
    usableBytes: validation.usableBytes,
    requiredBytes: validation.requiredBytes,
    sharedWeightBytes: validation.sharedWeightBytes,
    instances: validation.instances.map((instance) => ({
      id: instance.id,
      role: instance.role,
      model: instance.model,
      ramLimitBytes: instance.ramLimitBytes ?? null,
      floorBytes: instance.floorBytes,
      footprintBytes: instance.footprintBytes,
      requiredBytes: instance.requiredBytes,
    })),
    issues: validation.issues.map((issue) => ({
      code: issue.code,
      message: issueMessage(issue),
    })),
    warnings: [
      ...validation.warnings.map((warning) => ({
        code: warning.code,
        message: warningMessage(warning),
      })),
      ...memory.warnings.map(({ code, message }) => ({ code, message })),
    ],
    recommendations: validation.recommendations.map((recommendation) => ({
      message: recommendationMessage(recommendation),
      flags: recommendation.flags,
    })),
    ...(reservation === undefined ? {} : { reservation }),
  };
}
