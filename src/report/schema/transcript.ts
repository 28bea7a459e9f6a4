import { z } from "zod";
import { bytes, mode, poolId, poolKind, role } from "./common.ts";
import { RUN_EVENT_SCHEMA } from "./event.ts";
import type { Shape } from "./shape.ts";

/** A run's first line; each further file of a transcript that is rotated begins with it again. */
const START_SCHEMA = z.object({
  event: z.literal("start"),
  schema: z.string().regex(/^brainjar\.transcript\/\d+$/),
  part: z.int().min(1).exactOptional()
    .describe("Which file of this run it is; the first is 1, and may be left out"),
  mode,
  turns: z.int().exactOptional(),
  sampling: z.looseObject({ seed: z.int() }).describe("What the run can be repeated with"),
  jars: z.array(z.looseObject({
    id: z.string(),
    role,
    model: z.string(),
    contextSize: z.int(),
    ramLimitBytes: bytes.exactOptional(),
    prompt: z.string().exactOptional().describe("What its prompt file says"),
  })),
  command: z.array(z.string()).exactOptional()
    .describe("The words that the run can be repeated with"),
});

/** What a look at memory saw (`MemorySample`). */
const MEMORY_SCHEMA = z.object({
  event: z.literal("memory"),
  turn: z.int(),
  pools: z.array(z.object({
    id: poolId,
    kind: poolKind,
    totalBytes: bytes,
    freeBytes: bytes,
    reservedBytes: bytes,
    leastBytes: bytes,
  })),
  jars: z.array(z.object({
    id: z.string(),
    pools: z.array(z.object({ id: poolId, reservedBytes: bytes, residentBytes: bytes })),
  })),
  shared: z.array(z.object({ model: z.string(), ids: z.array(z.string()), bytes })),
  processBytes: bytes.exactOptional(),
  pressurePercent: z.number().exactOptional(),
  next: z.object({ id: z.string(), why: z.string() }).exactOptional()
    .describe("Who would be asked to die next, were memory to run short"),
});

/** When a line was written. */
const written = z.object({ time: z.iso.datetime() });

/** A line of a transcript, without its time. */
export const RECORDED_SCHEMA = z.discriminatedUnion("event", [
  START_SCHEMA,
  MEMORY_SCHEMA,
  ...RUN_EVENT_SCHEMA.options,
]);

/** What each line of a transcript (`run --log`) is. */
export const TRANSCRIPT_SCHEMA = z.intersection(written, RECORDED_SCHEMA).meta({
  title: "brainjar run --log, one line",
});

/** A line of a transcript, without its time. */
export type Recorded = Shape<typeof RECORDED_SCHEMA>;

/** A run's first line. */
export type RecordedStart = Extract<Recorded, { readonly event: "start" }>;
