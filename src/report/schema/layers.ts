import { z } from "zod";
import { bytes } from "./common.ts";

/** The shape of `PreflightResult`, layer 3's answer. */
export const preflight = z.object({
  ok: z.boolean(),
  level: z.enum(["ok", "warning", "refused"]),
  availableBytes: bytes,
  requiredBytes: bytes,
  headroomBytes: bytes,
  neededBytes: bytes,
  shortBytes: bytes,
  usedPercent: z.number(),
});

const refused = { ok: z.literal(false), id: z.string() };

/** The shape of an `AllocationResult` that isn't ok, layer 2's answer. */
export const refusal = z.discriminatedUnion("reason", [
  z.object({ ...refused, reason: z.literal("already-allocated") }),
  z.object({ ...refused, reason: z.literal("empty-id") }),
  z.object({ ...refused, reason: z.literal("invalid-limit"), ramLimitBytes: z.number() }),
  z.object({
    ...refused,
    reason: z.literal("exceeds-budget"),
    requestedBytes: bytes,
    totalAfterBytes: bytes,
    usableBytes: bytes,
    excessBytes: bytes,
  }),
  z.object({
    ...refused,
    reason: z.literal("insufficient-available"),
    requestedBytes: bytes,
    headroomBytes: bytes,
    neededBytes: bytes,
    availableBytes: bytes,
    shortBytes: bytes,
  }),
]);
