import { z } from "zod";
import { allocation, bytes, devicePool, poolId } from "./common.ts";
import { cause } from "./event.ts";
import { jarLoad } from "./jar_load.ts";
import { preflight, refusal } from "./layers.ts";
import type { Shape } from "./shape.ts";

/** The protocol's name and version: another number is another protocol. */
export const JAR_PROTOCOL = "brainjar.jar/1";

const text = z.string();
const milliseconds = z.number();

/** A line that a jar's process is asked with. */
export const JAR_REQUEST_SCHEMA = z.discriminatedUnion("ask", [
  z.object({
    ask: z.literal("hello"),
    silenceMilliseconds: z.number().min(1).exactOptional()
      .describe("From now on it ends by itself when it is asked nothing for so long"),
  }).describe("Its first line once more, for who came too late to read it"),
  z.object({ ask: z.literal("load"), ...jarLoad })
    .describe("Layers 2 and 3, the load, the context; answered by loaded or refused"),
  z.object({ ask: z.literal("resurrect") })
    .describe("The same once more for a jar that died; answered in the same way"),
  z.object({
    ask: z.literal("think"),
    prompt: z.object({ system: text.exactOptional(), message: text, label: text }),
    sampling: z.object({
      maxTokens: z.int().min(0),
      temperature: z.number().min(0),
      topP: z.number().min(0).max(1),
      seed: z.int(),
    }),
    turn: z.int().exactOptional(),
  }).describe("Answered by pieces of text, then thought or failed"),
  z.object({ ask: z.literal("stop") }).describe("Ends the thought, which is answered as it is"),
  z.object({ ask: z.literal("die"), keepsModel: z.boolean().exactOptional() })
    .describe("Frees its context, and its model unless told otherwise; answered by died"),
  z.object({ ask: z.literal("vitals") }).describe("Answered by vitals"),
  z.object({ ask: z.literal("end") }).describe("Frees everything; answered by bye"),
]);

/** A line that it answers with. */
export const JAR_ANSWER_SCHEMA = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("hello"),
    protocol: text,
    version: text.describe("brainjar's own"),
    host: text,
    processId: z.int(),
    job: text.exactOptional().describe("Its scheduler's name for it: slurm:151"),
  }).describe("Its first line, and the answer to hello"),
  z.object({ answer: z.literal("loading"), fraction: z.number() }),
  z.object({
    answer: z.literal("admitted"),
    allocation: z.object({
      ...allocation,
      pools: z.array(z.object({ id: poolId, ...allocation })),
    }),
    preflight,
  }).describe("Layers 2 and 3 let it in"),
  z.object({
    answer: z.literal("refused"),
    code: text,
    message: text,
    hint: text.exactOptional(),
    blame: z.enum(["usage", "refused", "engine"]),
    allocation: refusal.exactOptional(),
    preflight: preflight.exactOptional(),
  }),
  z.object({
    answer: z.literal("loaded"),
    contextSize: z.int(),
    templateTokens: z.int().describe("What its chat template adds to the next prompt"),
    shared: z.boolean(),
    milliseconds,
  }),
  z.object({ answer: z.literal("text"), text }).describe(
    "A piece of a thought, empty as a sign of life",
  ),
  z.object({
    answer: z.literal("thought"),
    text,
    promptTokens: z.int(),
    tokens: z.int(),
    stop: z.enum(["end", "length", "context-full", "aborted"]),
    milliseconds,
    contextTokens: z.int(),
    templateTokens: z.int(),
  }),
  z.object({
    answer: z.literal("dying"),
    cause,
    detail: text.exactOptional(),
    pool: devicePool,
  }).describe("Its own watch has it die: died follows"),
  z.object({
    answer: z.literal("died"),
    pools: z.array(z.object({ id: poolId, givenBackBytes: bytes, totalBytes: bytes }))
      .describe("What was given back, and what remains reserved"),
  }),
  z.object({
    answer: z.literal("vitals"),
    alive: z.boolean(),
    contextTokens: z.int(),
    processBytes: bytes.exactOptional().describe("Its anonymous memory"),
    totalBytes: bytes.exactOptional().describe("What its machine has for it"),
    availableBytes: bytes.exactOptional(),
    pools: z.array(z.object({ id: poolId, reservedBytes: bytes, residentBytes: bytes })),
  }),
  z.object({ answer: z.literal("warning"), code: text, message: text, hint: text.exactOptional() }),
  z.object({
    answer: z.literal("failed"),
    code: text,
    message: text,
    hint: text.exactOptional(),
    blame: z.enum(["usage", "refused", "engine"]),
  }).describe("What was asked couldn't be done"),
  z.object({ answer: z.literal("bye"), reason: z.enum(["end", "eof", "silence", "signal"]) })
    .describe("Its last line: nothing of it is left"),
]);

/** What a jar's process is asked. */
export type JarRequest = Shape<typeof JAR_REQUEST_SCHEMA>;

/** What it answers. */
export type JarAnswer = Shape<typeof JAR_ANSWER_SCHEMA>;

/** What `brainjar jar` reads and writes, a line each. */
export const JAR_SCHEMA = z.union([JAR_REQUEST_SCHEMA, JAR_ANSWER_SCHEMA]).meta({
  title: "brainjar jar, one line of stdin or stdout",
});
