import { z } from "zod";
import {
  allocatedKind,
  bytes,
  criterion,
  devicePool,
  finding,
  layersOnDevices,
  memorySource,
  mode,
  places,
  poolId,
  poolKind,
  role,
  sumIssueCode,
} from "./common.ts";
import { preflight, refusal } from "./layers.ts";

const flags = z.array(z.string());

/** The shape of a pool as `machineJson` has it. */
const machinePool = z.object({
  id: poolId,
  kind: poolKind,
  name: z.string().exactOptional().describe("What a device's driver calls it"),
  identity: z.string().exactOptional().describe(
    "What tells it from other devices: a UUID, a bus address",
  ),
  totalBytes: bytes,
  availableBytes: bytes,
  promisedBytes: bytes,
  sources: z.array(memorySource),
  holders: z.array(
    z.object({
      processId: z.int(),
      name: z.string().exactOptional(),
      bytes: bytes.exactOptional(),
    }),
  ).exactOptional().describe("Who holds how much of a device, where its driver tells"),
});

/** The shape of `MachineMemory`, what is reserved under its older key. */
const machineMemory = z.object({
  totalBytes: bytes,
  availableBytes: bytes,
  promisedBytes: bytes,
  sources: z.array(memorySource),
  pools: z.array(machinePool),
  pressure: z.object({ someAverage10: z.number(), fullAverage10: z.number() }).exactOptional(),
  swap: z.object({ totalBytes: bytes, freeBytes: bytes }).exactOptional(),
  leftOut: z.array(
    z.object({ name: z.string(), path: z.string(), bytes, reason: z.string() }),
  ).exactOptional(),
  warnings: z.array(finding),
});

const poolValidation = z.object({
  id: poolId,
  kind: poolKind,
  totalBytes: bytes,
  availableBytes: bytes,
  usableBytes: bytes,
  sumBytes: bytes,
  sharedBytes: bytes,
  requiredBytes: bytes,
  marginBytes: bytes,
});

const warning = z.discriminatedUnion("code", [
  z.object({
    code: z.literal("large-instance"),
    id: z.string(),
    pool: devicePool,
    requiredBytes: bytes,
    usableBytes: bytes,
  }),
  z.object({ code: z.literal("memory-pressure"), someAverage10: z.number() }),
  z.object({
    code: z.literal("low-available"),
    pool: devicePool,
    availableBytes: bytes,
    totalBytes: bytes,
  }),
  z.object({ code: z.literal("reads-from-disk"), workingSetBytes: bytes, limitBytes: bytes }),
]);

const required = {
  requiredBytes: bytes,
  pools: z.array(z.object({ id: poolId, requiredBytes: bytes })),
};

const recommendation = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("flags"), flags, ...required }),
  z.object({ kind: z.literal("omit"), omitted: z.string(), flags, ...required }),
  z.object({
    kind: z.literal("free-memory"),
    flags,
    bytes,
    pools: z.array(z.object({ id: poolId, bytes })),
  }),
  z.object({ kind: z.literal("more-layers"), flags, count: z.int(), of: z.int() })
    .describe("It passes with so many layers on devices; with these flags all would be there"),
  z.object({
    kind: z.literal("machine"),
    flags,
    totalBytes: bytes,
    availableBytes: bytes,
    pools: z.array(z.object({ id: poolId, totalBytes: bytes, availableBytes: bytes })),
  }),
]);

const issue = z.discriminatedUnion("code", [
  z.object({
    code: sumIssueCode,
    limit: z.enum(["usable", "available"]),
    counts: allocatedKind.exactOptional(),
    limitBytes: bytes,
    requiredBytes: bytes,
    excessBytes: bytes,
    floorBytes: bytes,
    workingSetBytes: bytes,
  }),
  z.object({
    code: z.literal("device-memory"),
    pool: z.string(),
    limit: z.enum(["usable", "available"]),
    limitBytes: bytes,
    requiredBytes: bytes,
    excessBytes: bytes,
  }).describe("Too little on a device: the load fails, or the first thought ends the process"),
  z.object({
    code: z.literal("no-such-device"),
    pool: z.string(),
    ids: z.array(z.string()),
    requiredBytes: bytes,
  }),
  z.object({
    code: z.literal("over-limit"),
    id: z.string(),
    footprintBytes: bytes,
    ramLimitBytes: bytes,
    excessBytes: bytes,
  }),
  z.object({ code: z.literal("allocation-refused"), id: z.string(), allocation: refusal }),
  z.object({ code: z.literal("load-refused"), id: z.string(), preflight }),
  z.object({
    code: z.literal("available-memory"),
    pool: devicePool,
    availableBytes: bytes,
    leastBytes: bytes,
    shortBytes: bytes,
  }),
  z.object({
    code: z.literal("no-machine-offered"),
    id: z.string(),
    launcher: z.string(),
    memoryBytes: bytes,
    gpus: z.int(),
    machines: z.int().describe("How many its scheduler offers"),
    largest: z.object({ name: z.string(), memoryBytes: bytes }).exactOptional()
      .describe("Of those with as many devices"),
  }).describe("No machine that its scheduler offers has what it asks for"),
]);

/** The shape of `ValidationJson`, layer 1's answer with every figure it was reached by. */
export const VALIDATION_SCHEMA = z.object({
  ok: z.boolean(),
  verdict: z.enum(["pass", "fail"]),
  mode,
  criterion,
  shareWeights: z.boolean(),
  safetyMarginPercent: z.number(),
  allocationHeadroomBytes: bytes,
  loadHeadroomBytes: bytes,
  memory: machineMemory,
  usableBytes: bytes,
  sumBytes: bytes,
  sharedWeightBytes: bytes,
  requiredBytes: bytes,
  marginBytes: bytes,
  floorBytes: bytes,
  workingSetBytes: bytes,
  pools: z.array(poolValidation).describe("Each pool, RAM first; figures without a pool are RAM's"),
  instances: z.array(z.object({
    id: z.string(),
    role,
    model: z.string(),
    ramLimitBytes: bytes.exactOptional(),
    floorBytes: bytes,
    workingSetBytes: bytes,
    footprintBytes: bytes,
    requiredBytes: bytes,
    sharedBytes: bytes,
    gpuLayers: layersOnDevices.exactOptional(),
    pools: z.array(z.object({ id: poolId, requiredBytes: bytes, sharedBytes: bytes })),
  })),
  places,
  issues: z.array(issue),
  warnings: z.array(warning),
  recommendations: z.array(recommendation),
});
