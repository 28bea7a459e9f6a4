import { z } from "zod";
import {
  allocatedKind,
  bytes,
  criterion,
  finding,
  memorySource,
  mode,
  role,
  sumIssueCode,
} from "./common.ts";
import { preflight, refusal } from "./layers.ts";

const flags = z.array(z.string());

/** The shape of `MachineMemory`, what is reserved under its older key. */
const machineMemory = z.object({
  totalBytes: bytes,
  availableBytes: bytes,
  promisedBytes: bytes,
  sources: z.array(memorySource),
  pressure: z.object({ someAverage10: z.number(), fullAverage10: z.number() }).exactOptional(),
  swap: z.object({ totalBytes: bytes, freeBytes: bytes }).exactOptional(),
  leftOut: z.array(
    z.object({ name: z.string(), path: z.string(), bytes, reason: z.string() }),
  ).exactOptional(),
  warnings: z.array(finding),
});

const warning = z.discriminatedUnion("code", [
  z.object({
    code: z.literal("large-instance"),
    id: z.string(),
    requiredBytes: bytes,
    usableBytes: bytes,
  }),
  z.object({ code: z.literal("memory-pressure"), someAverage10: z.number() }),
  z.object({ code: z.literal("low-available"), availableBytes: bytes, totalBytes: bytes }),
  z.object({ code: z.literal("reads-from-disk"), workingSetBytes: bytes, limitBytes: bytes }),
]);

const recommendation = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("flags"), flags, requiredBytes: bytes }),
  z.object({ kind: z.literal("omit"), omitted: z.string(), flags, requiredBytes: bytes }),
  z.object({ kind: z.literal("free-memory"), flags, bytes }),
  z.object({ kind: z.literal("machine"), flags, totalBytes: bytes, availableBytes: bytes }),
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
    availableBytes: bytes,
    leastBytes: bytes,
    shortBytes: bytes,
  }),
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
  })),
  issues: z.array(issue),
  warnings: z.array(warning),
  recommendations: z.array(recommendation),
});
