import { defined } from "../budget/defined.ts";
import type { Validation } from "../budget/validation.ts";
import type { Estimator } from "../footprint/footprint.ts";
import { issueMessage, warningsOf } from "./message.ts";
import { pick } from "./pick.ts";
import { recommendationFlags, recommendationMessage } from "./recommendation.ts";
import type { CHECK_JSON_SCHEMA } from "./schema/check.ts";
import type { Shape } from "./schema/shape.ts";
import type { Reservation } from "../plan/reserve.ts";

/** What `check --json` prints (src/report/README.md, "Output"). All bytes whole. */
type CheckJson = Shape<typeof CHECK_JSON_SCHEMA>;

/** A validation as `check --json` prints it: the keys of src/report/README.md in its order. */
export function checkJson(
  validation: Validation,
  estimator: Estimator,
  reservation?: Reservation,
): CheckJson {
  return {
    schema: "brainjar.check/1",
    ...pick(validation, ["verdict", "criterion", "mode"]),
    estimator,
    memory: pick(validation.memory, ["totalBytes", "availableBytes", "sources"]),
    ...pick(validation, ["safetyMarginPercent", "usableBytes", "requiredBytes"]),
    sharedWeightBytes: validation.sharedWeightBytes,
    pools: validation.pools.map((pool) => {
      const device = validation.memory.devices?.find(({ id }) => id === pool.id);
      return {
        ...pick(pool, ["id", "kind"]),
        ...defined({ name: device?.name }),
        ...pick(pool, ["totalBytes", "availableBytes"]),
        sources: (device ?? validation.memory).sources,
        ...pick(pool, ["usableBytes", "requiredBytes", "sharedBytes"]),
      };
    }),
    instances: validation.instances.map((instance) => ({
      ...pick(instance, ["id", "role", "model"]),
      ramLimitBytes: instance.ramLimitBytes ?? null,
      ...pick(instance, ["floorBytes", "footprintBytes", "requiredBytes"]),
      ...defined({ gpuLayers: instance.gpuLayers }),
      pools: instance.pools.map((pool) => pick(pool, ["id", "requiredBytes"])),
    })),
    ...defined({ places: validation.places }),
    issues: validation.issues.map((issue) => ({ code: issue.code, message: issueMessage(issue) })),
    warnings: warningsOf(validation).map((warning) => pick(warning, ["code", "message"])),
    recommendations: validation.recommendations.map((recommendation) => ({
      message: recommendationMessage(recommendation, validation),
      flags: recommendationFlags(recommendation, validation),
    })),
    ...defined({ reservation }),
  };
}
