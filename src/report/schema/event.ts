import { z } from "zod";
import { allocation, bytes, devicePool, FAILURE_SCHEMA, mode, poolId, role } from "./common.ts";
import { preflight, refusal } from "./layers.ts";
import type { Shape } from "./shape.ts";
import { VALIDATION_SCHEMA } from "./validation.ts";

const milliseconds = z.number();

/** Whose event it is, and in which turn; turn 0 is before the first. */
const jar = { id: z.string(), role, turn: z.int() };

/** What one pool gave back. */
const givenBack = z.object({ id: poolId, givenBackBytes: bytes, reservedBytes: bytes });

const allocated = {
  ...allocation,
  pools: z.array(z.object({ id: poolId, ...allocation })),
};

/** Where a jar's process is, where it isn't the run's own; its machine and job where they aren't either. */
const place = {
  launcher: z.string().exactOptional().describe("What started its process"),
  host: z.string().exactOptional().describe("The machine, as its scheduler calls it"),
  job: z.string().exactOptional().describe("Its scheduler's name for it: slurm:151"),
};

/** What kills a jar. */
export const cause = z.enum([
  "context-full",
  "ram-limit",
  "available-memory",
  "device-memory",
  "device-lost",
  "engine-failed",
  "engine-stalled",
  "by-hand",
  "out-of-memory",
  "killed",
  "crashed",
  "terminated",
  "preempted",
  "node-failed",
  "exited",
  "silent",
  "jar-protocol",
]);

const poolReport = { ...allocation, usedPercent: z.number() };

const allocationReport = z.object({
  ...poolReport,
  pools: z.array(z.object({ id: poolId, ...poolReport })),
  jars: z.array(z.object({
    id: z.string(),
    allocatedBytes: bytes,
    modelBytes: bytes,
    model: z.string(),
    pools: z.array(z.object({ id: poolId, allocatedBytes: bytes })),
  })),
});

/** A jar in a process of its own as it was seen last. */
const processReport = z.object({
  id: z.string(),
  launcher: z.string(),
  host: place.host,
  job: place.job,
  isHere: z.boolean().describe("Whether it took the memory of the run's machine"),
  limitBytes: bytes.exactOptional().describe("What its launcher was asked to hold it to"),
  requestBytes: bytes.describe("What it needs by estimate, and asked for where it could"),
  floorBytes: bytes,
  workingSetBytes: bytes,
  heldBytes: bytes.exactOptional().describe("What its process held that can't be given back"),
  mostHeldBytes: bytes.exactOptional().describe("The most of that which was seen"),
  pools: z.array(z.object({ id: poolId, reservedBytes: bytes, residentBytes: bytes })),
});

const sampling = z.object({
  maxTokens: z.int().exactOptional(),
  temperature: z.number().exactOptional(),
  topP: z.number().exactOptional(),
});

/** An event of a run (src/report/README.md, "Output"). */
export const RUN_EVENT_SCHEMA = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("validation"),
    ok: z.boolean(),
    mode,
    seed: z.int().describe("What the run can be repeated with"),
    turns: z.int().exactOptional(),
    sampling: z.record(z.string(), sampling).exactOptional()
      .describe("By jar, what of its sampling isn't the run's"),
    validation: VALIDATION_SCHEMA,
  }),
  z.object({ event: z.literal("allocated"), ...jar, ...allocated, preflight, ...place }),
  z.object({
    event: z.literal("loaded"),
    ...jar,
    model: z.string(),
    contextSize: z.int(),
    shared: z.boolean().describe("Whether the model was in memory already"),
    ...place,
    milliseconds,
  }),
  z.object({
    event: z.literal("thought"),
    ...jar,
    text: z.string(),
    promptTokens: z.int(),
    tokens: z.int(),
    stop: z.enum(["end", "length", "context-full", "aborted"])
      .describe("aborted: cut off by the run's end or the jar's death"),
    contextTokens: z.int(),
    contextSize: z.int(),
    seed: z.int(),
    prompt: z.string(),
    milliseconds,
  }),
  z.object({ event: z.literal("note"), ...jar, text: z.string() }),
  z.object({
    event: z.literal("whisper"),
    ...jar,
    text: z.string(),
    by: z.literal("hand").exactOptional()
      .describe("A person's, to the jar that is named; else god's, who is named"),
  }),
  z.object({
    event: z.literal("prompt"),
    ...jar,
    text: z.string().describe("What the jar's prompt file says from now on"),
  }),
  z.object({ event: z.literal("paused"), turn: z.int() }),
  z.object({ event: z.literal("resumed"), turn: z.int() }),
  z.object({
    event: z.literal("death"),
    ...jar,
    cause,
    pool: devicePool,
    message: z.string(),
    deaths: z.int(),
    life: z.object({
      turns: z.int(),
      thoughts: z.int(),
      tokens: z.int().describe("Sampled, prompts left out"),
      milliseconds,
    }).describe("The life that ended"),
    givenBackBytes: bytes,
    reservedBytes: bytes,
    pools: z.array(givenBack),
    detail: z.string().exactOptional(),
  }),
  z.object({
    event: z.literal("resurrection"),
    ...jar,
    deaths: z.int(),
    cause,
    message: z.string(),
    ...allocated,
    preflight,
    ...place,
    milliseconds,
  }),
  z.object({
    event: z.literal("warning"),
    id: z.string().exactOptional(),
    role: role.exactOptional(),
    turn: z.int().exactOptional(),
    code: z.string(),
    message: z.string(),
    hint: z.string().exactOptional(),
    allocation: refusal.exactOptional(),
    preflight: preflight.exactOptional(),
    ...place,
  }),
  z.object({
    event: z.literal("end"),
    reason: z.enum(["turns", "stopped", "refused", "failed", "no-jar-left"]),
    exitCode: z.int(),
    seed: z.int(),
    turns: z.int(),
    thoughts: z.int(),
    tokens: z.int(),
    deaths: z.int(),
    resurrections: z.int(),
    milliseconds,
    allocationReport: allocationReport.exactOptional()
      .describe("What each jar held just before it was given back"),
    processes: z.array(processReport).exactOptional()
      .describe("Jars in processes of their own; absent where there are none"),
    transcriptFailure: z.string().exactOptional().describe("Why the transcript isn't whole"),
    givenBackBytes: bytes,
    reservedBytes: bytes.describe("0 when all was given back"),
    pools: z.array(givenBack),
  }),
]);

/** What a line of `run --json` says that is no error. */
export type RunEventJson = Shape<typeof RUN_EVENT_SCHEMA>;

/** What each line of `run --json` is. */
export const RUN_SCHEMA = z.union([RUN_EVENT_SCHEMA, FAILURE_SCHEMA]).meta({
  title: "brainjar run --json, one line",
});
