import { defined } from "../budget/defined.ts";
import type { Validation } from "../budget/validation.ts";
import type { Estimator } from "../footprint/footprint.ts";
import { issueMessage, warningMessage } from "./message.ts";
import { recommendationFlags, recommendationMessage } from "./recommendation.ts";
import type { CHECK_JSON_SCHEMA } from "./schema/check.ts";
import type { Shape } from "./schema/shape.ts";
import type { Reservation } from "../plan/reserve.ts";

/** What `check --json` prints (src/report/README.md, "Output"). All bytes whole. */
export type CheckJson = Shape<typeof CHECK_JSON_SCHEMA>;

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
 *   memory: { totalBytes: 100, availableBytes: 50, reservedBytes: 0, sources: [], warnings: [] },
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
      message: recommendationMessage(recommendation, validation),
      flags: recommendationFlags(recommendation, validation),
    })),
    ...defined({ reservation }),
  };
}
