import { z } from "zod";
import {
  bytes,
  criterion,
  estimator,
  FAILURE_SCHEMA,
  finding,
  issueCode,
  layersOnDevices,
  memorySource,
  mode,
  places,
  poolId,
  poolKind,
  role,
} from "./common.ts";

/** What `check --json` prints where there is a verdict. */
export const CHECK_JSON_SCHEMA = z.object({
  schema: z.literal("brainjar.check/1"),
  verdict: z.enum(["pass", "fail"]),
  criterion,
  mode,
  estimator,
  memory: z.object({
    totalBytes: bytes,
    availableBytes: bytes,
    sources: z.array(memorySource),
  }),
  safetyMarginPercent: z.number(),
  usableBytes: bytes,
  requiredBytes: bytes.describe("Sum of the instances' less sharedWeightBytes"),
  sharedWeightBytes: bytes,
  pools: z.array(z.object({
    id: poolId,
    kind: poolKind,
    name: z.string().exactOptional().describe("What a device's driver calls it"),
    totalBytes: bytes,
    availableBytes: bytes,
    sources: z.array(memorySource),
    usableBytes: bytes,
    requiredBytes: bytes,
    sharedBytes: bytes.describe("Taken off the sum of what each instance requires there"),
  })).describe("Each pool, RAM first; figures without a pool are RAM's"),
  instances: z.array(z.object({
    id: z.string(),
    role,
    model: z.string(),
    ramLimitBytes: bytes.nullable().describe("null where no limit was given"),
    floorBytes: bytes,
    footprintBytes: bytes,
    requiredBytes: bytes,
    gpuLayers: layersOnDevices.exactOptional(),
    pools: z.array(z.object({ id: poolId, requiredBytes: bytes })),
  })),
  places,
  issues: z.array(finding.extend({ code: issueCode })),
  warnings: z.array(finding),
  recommendations: z.array(z.object({ message: z.string(), flags: z.array(z.string()) })),
  reservation: z.object({
    token: z.string(),
    bytes: z.number(),
    pools: z.array(z.object({ id: poolId, bytes })),
    seconds: z.number(),
  })
    .exactOptional(),
});

/** What `check --json` prints. */
export const CHECK_SCHEMA = z.union([CHECK_JSON_SCHEMA, FAILURE_SCHEMA]).meta({
  title: "brainjar check --json",
});
