import { z } from "zod";
import {
  bytes,
  criterion,
  estimator,
  FAILURE_SCHEMA,
  finding,
  issueCode,
  layersOnDevices,
  poolId,
} from "./common.ts";

const machine = z.string().describe("A kind of machine, as --machines names it: 24GB+cuda:24GB");

const devices = z.array(z.object({ id: poolId, totalBytes: bytes }));

/** What `plan --machines --json` prints where the jars were planned. */
export const PLACEMENT_JSON_SCHEMA = z.object({
  schema: z.literal("brainjar.placement/1"),
  verdict: z.enum(["pass", "fail"]).describe("Whether every jar has its place"),
  criterion,
  estimator,
  safetyMarginPercent: z.number(),
  jarCount: z.int(),
  placedCount: z.int(),
  usedBytes: bytes.describe("Of the machines that hold something: RAM, and devices beside it"),
  leastBytes: bytes.describe("What no placement of the placed jars does without"),
  kinds: z.array(z.object({
    machine,
    count: z.int(),
    used: z.int(),
    totalBytes: bytes,
    devices,
  })),
  machines: z.array(z.object({
    machine,
    number: z.int().describe("Among those of its kind, from 1"),
    pools: z.array(z.object({ id: poolId, usableBytes: bytes, requiredBytes: bytes })),
    jars: z.array(z.object({
      id: z.string(),
      model: z.string(),
      pools: z.array(z.object({ id: poolId, requiredBytes: bytes })),
      gpuLayers: layersOnDevices.exactOptional().describe("Absent: the processor computes alone"),
    })),
  })).describe("Those that hold something"),
  unplaced: z.array(z.object({
    ids: z.array(z.string()),
    model: z.string(),
    reason: z.enum(["full", "too-large", "no-device", "over-limit"]),
    nearest: z.object({ machine, issues: z.array(finding.extend({ code: issueCode })) })
      .exactOptional().describe("What an empty machine of the kind that comes nearest says of one"),
    holding: z.object({ totalBytes: bytes, devices }).exactOptional()
      .describe("The smallest machine that would hold one"),
  })),
  more: z.array(z.object({ machine, count: z.int() }))
    .describe("Machines that would hold those for which there is no room left"),
});

/** What `plan --machines --json` prints. */
export const PLACEMENT_SCHEMA = z.union([PLACEMENT_JSON_SCHEMA, FAILURE_SCHEMA]).meta({
  title: "brainjar plan --machines --json",
});
