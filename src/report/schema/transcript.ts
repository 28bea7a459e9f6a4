import { z } from "zod";
import { bytes, mode, poolId, poolKind, role } from "./common.ts";
import { RUN_EVENT_SCHEMA, type RunEventJson } from "./event.ts";
import type { Shape } from "./shape.ts";

/** How thoughts are sampled; what a later version adds is kept. */
const sampling = z.looseObject({
  maxTokens: z.int().exactOptional(),
  temperature: z.number().exactOptional(),
  topP: z.number().exactOptional(),
});

/** A run's first line; each further file of a transcript that is rotated begins with it again. */
const START_SCHEMA = z.object({
  event: z.literal("start"),
  schema: z.string().regex(/^brainjar\.transcript\/\d+$/),
  part: z.int().min(2).exactOptional()
    .describe("Which file of this run it is; absent in the first"),
  version: z.string().exactOptional().describe("The brainjar that wrote it"),
  mode,
  turns: z.int().exactOptional(),
  sampling: sampling.extend({ seed: z.int() }).describe("What the run can be repeated with"),
  promptFormat: z.string().exactOptional(),
  jars: z.array(z.looseObject({
    id: z.string(),
    role,
    model: z.string(),
    contextSize: z.int(),
    ramLimitBytes: bytes.exactOptional(),
    sampling: sampling.exactOptional().describe("Where it isn't the run's"),
    prompt: z.string().exactOptional().describe("What its prompt file says"),
  })),
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
    process: z.object({
      host: z.string().exactOptional(),
      job: z.string().exactOptional(),
      isHere: z.boolean().describe("Whether it takes the memory of the run's machine"),
      heldBytes: bytes.exactOptional().describe("What it holds that can't be given back"),
      mostHeldBytes: bytes.exactOptional(),
    }).exactOptional().describe("Where it has or had one of its own"),
  })),
  shared: z.array(z.object({ model: z.string(), ids: z.array(z.string()), bytes })),
  processBytes: bytes.exactOptional(),
  pressurePercent: z.number().exactOptional(),
  next: z.object({ id: z.string(), why: z.string() }).exactOptional()
    .describe("Who would be asked to die next, were memory to run short"),
});

const [validation, ...others] = RUN_EVENT_SCHEMA.options;

/** Layer 1's answer, and its report as people read it. */
const JUDGED_SCHEMA = validation.extend({
  text: z.string().exactOptional().describe("The same as check prints it"),
});

/** What of each event a transcript leaves out, since it is measured, or a scheduler's to decide. */
const MEASURED: Readonly<Partial<Record<RunEventJson["event"], readonly string[]>>> = (() => {
  const allocated = ["allocatedBytes", "totalBytes", "usableBytes", "remainingBytes", "pools"];
  const place = ["launcher", "host", "job"];
  const givenBack = ["givenBackBytes", "reservedBytes", "pools"];
  return {
    allocated: [...allocated, "preflight", ...place],
    loaded: ["shared", ...place, "milliseconds"],
    thought: ["milliseconds"],
    death: givenBack,
    resurrection: [...allocated, "preflight", ...place, "milliseconds"],
    end: ["milliseconds", "allocationReport", "processes", "transcriptFailure", ...givenBack],
  };
})();

/** A line of an event: what is measured is absent, but for `validation` and `memory`. */
function lineOf(option: (typeof others)[number]): z.ZodObject {
  const { event, ...shape } = option.shape;
  const leftOut = MEASURED[event.value] ?? [];
  const kept = Object.entries(shape).filter(([key]) => !leftOut.includes(key));
  const line = z.object({ time: z.iso.datetime(), event, ...Object.fromEntries(kept) });
  return "life" in shape
    ? line.extend({ life: shape.life.omit({ milliseconds: true }).describe("The life that ended") })
    : line;
}

/** What each line of a transcript (`run --log`) is. */
export const TRANSCRIPT_SCHEMA = z.union([
  ...[START_SCHEMA, JUDGED_SCHEMA, MEMORY_SCHEMA].map((schema) =>
    schema.extend({ time: z.iso.datetime() })
  ),
  // What went otherwise than asked is told, and not kept.
  ...others.filter(({ shape }) => shape.event.value !== "warning").map(lineOf),
]).meta({ title: "brainjar run --log, one line" });

/** What a line of a transcript tells once it has all that its event has. */
export const RECORDED_SCHEMA = z.discriminatedUnion("event", [
  START_SCHEMA,
  JUDGED_SCHEMA,
  MEMORY_SCHEMA,
  ...others,
]);

/** A line of a transcript, completed, without its time. */
export type Recorded = Shape<typeof RECORDED_SCHEMA>;

/** A run's first line. */
export type RecordedStart = Extract<Recorded, { readonly event: "start" }>;
