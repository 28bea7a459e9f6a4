import { z } from "zod";
import { bytes, devicePool, poolId } from "./common.ts";

const poolPreflight = {
  availableBytes: bytes,
  requiredBytes: bytes,
  headroomBytes: bytes,
  neededBytes: bytes,
  shortBytes: bytes,
};

/** The shape of `PreflightResult`, layer 3's answer. */
export const preflight = z.object({
  ok: z.boolean(),
  level: z.enum(["ok", "warning", "refused"]),
  ...poolPreflight,
  usedPercent: z.number(),
  pools: z.array(z.object({ id: poolId, ...poolPreflight })),
});

const refused = { ok: z.literal(false), id: z.string() };

/** The shape of an `AllocationResult` that isn't ok, layer 2's answer. */
export const refusal = z.discriminatedUnion("reason", [
  z.object({ ...refused, reason: z.literal("already-allocated") }),
  z.object({ ...refused, reason: z.literal("empty-id") }),
  z.object({ ...refused, reason: z.literal("invalid-limit"), ramLimitBytes: z.number() }),
  z.object({
    ...refused,
    reason: z.literal("no-such-device"),
    pool: z.string(),
    requestedBytes: bytes,
  }),
  z.object({
    ...refused,
    reason: z.literal("exceeds-budget"),
    pool: devicePool,
    requestedBytes: bytes,
    totalAfterBytes: bytes,
    usableBytes: bytes,
    excessBytes: bytes,
  }),
  z.object({
    ...refused,
    reason: z.literal("insufficient-available"),
    pool: devicePool,
    requestedBytes: bytes,
    headroomBytes: bytes,
    neededBytes: bytes,
    availableBytes: bytes,
    shortBytes: bytes,
  }),
]);
