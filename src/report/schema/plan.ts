import { z } from "zod";
import { bytes, estimator, FAILURE_SCHEMA, layersOnDevices, mode, poolId, role } from "./common.ts";

/** What `plan --json` prints where the jars were planned. */
export const PLAN_JSON_SCHEMA = z.object({
  schema: z.literal("brainjar.plan/1"),
  mode,
  estimator,
  coordinatorBytes: bytes.describe("What the run's own process holds, where no jar lives in it"),
  requestBytes: bytes.describe("Sum of the jars' and coordinatorBytes"),
  jars: z.array(z.object({
    id: z.string(),
    role,
    model: z.string(),
    contextSize: z.int(),
    floorBytes: bytes.describe("Anonymous memory at its highest; a group limited below is killed"),
    requestBytes: bytes.describe("The working set: with less, weights are read from disk"),
    limits: z.array(z.object({
      launcher: z.string(),
      limitBytes: bytes.describe(
        "The floor and what the launcher's accounting adds, or the request where that is more",
      ),
    })),
    devices: z.array(z.object({ id: poolId, bytes })),
    gpuLayers: layersOnDevices.exactOptional(),
  })),
  files: z.array(z.object({ name: z.string(), text: z.string() }))
    .describe("With --for; else none"),
});

/** What `plan --json` prints. */
export const PLAN_SCHEMA = z.union([PLAN_JSON_SCHEMA, FAILURE_SCHEMA]).meta({
  title: "brainjar plan --json",
});
