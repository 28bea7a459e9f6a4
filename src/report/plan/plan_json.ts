import type { Mode } from "../../budget/demand.ts";
import { sum } from "../../budget/sum.ts";
import type { Estimator } from "../../footprint/footprint.ts";
import { pick } from "../pick.ts";
import type { PLAN_JSON_SCHEMA } from "../schema/plan.ts";
import type { Shape } from "../schema/shape.ts";
import type { PlannedRequests } from "./planned_request.ts";

/** What `plan --json` prints (src/report/README.md, "Output"). All bytes whole. */
type PlanJson = Shape<typeof PLAN_JSON_SCHEMA>;

/** What jars ask for as `plan --json` prints it, and the files that were asked for. */
export function planJson(
  { jars, coordinatorBytes }: PlannedRequests,
  { mode, estimator }: { readonly mode: Mode; readonly estimator: Estimator },
  files: PlanJson["files"],
): PlanJson {
  return {
    schema: "brainjar.plan/1",
    mode,
    estimator,
    coordinatorBytes,
    requestBytes: sum(jars.map((jar) => jar.requestBytes)) + coordinatorBytes,
    jars: jars.map((jar) => ({
      ...pick(jar, ["id", "role", "model", "contextSize", "floorBytes", "requestBytes"]),
      limits: jar.limits,
      devices: jar.devices,
      ...jar.gpuLayers && { gpuLayers: jar.gpuLayers },
    })),
    files,
  };
}
