import type { z } from "zod";
import { defined } from "../budget/defined.ts";
import { BrainjarError } from "../budget/error.ts";
import {
  JAR_ANSWER_SCHEMA,
  JAR_PROTOCOL,
  JAR_REQUEST_SCHEMA,
  type JarAnswer,
  type JarRequest,
} from "../report/schema/jar.ts";

/**
 * A longer line is none of the protocol: the longest that there is holds a prompt of 64 KB or a
 * thought that fills a context, with each character escaped.
 */
export const MAX_LINE_CHARACTERS = 4 * 1024 ** 2;

/** What of a line is quoted where it isn't one. */
const QUOTED_CHARACTERS = 80;

/**
 * The lines of a stream, each as soon as it has come; what stands after the last line break is a line
 * that was cut, and is no line.
 *
 * @param signal fires when nobody wants to read on: then it throws
 * @throws {BrainjarError} `jar-protocol` where a line has no end
 */
export async function* boundedLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal?: AbortSignal,
): AsyncGenerator<string, void> {
  let pieces: string[] = [];
  let length = 0;
  for await (const piece of stream.pipeThrough(new TextDecoderStream(), defined({ signal }))) {
    const lines = piece.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      const whole = [...pieces, line].join("");
      pieces = [];
      length = 0;
      yield whole;
    }
    length += rest.length;
    if (rest !== "") pieces.push(rest);
    if (length <= MAX_LINE_CHARACTERS) continue;
    throw notUnderstood(`a line has more than ${MAX_LINE_CHARACTERS} characters and no end`);
  }
}

/** A request as a line says it. Throws `jar-protocol` where it is none. */
export function parseRequest(line: string): JarRequest {
  return parse(JAR_REQUEST_SCHEMA, "ask", line);
}

/** An answer as a line says it. Throws `jar-protocol` where it is none. */
export function parseAnswer(line: string): JarAnswer {
  return parse(JAR_ANSWER_SCHEMA, "answer", line);
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  name: "ask" | "answer",
  line: string,
): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw notUnderstood(`this isn't JSON: ${quoted(line)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? name : issue.path.join(".");
  throw notUnderstood(`this has no such "${where}": ${quoted(line)}`);
}

/** What was said is no line of the protocol, or not in its turn. */
export function notUnderstood(what: string): BrainjarError {
  return new BrainjarError("jar-protocol", `No line of ${JAR_PROTOCOL}: ${what}`, {
    kind: "engine",
    hint: "brainjar schema jar prints what its lines are; something else may write there too",
  });
}

function quoted(line: string): string {
  const characters = [...line];
  const isLong = characters.length > QUOTED_CHARACTERS;
  return `"${characters.slice(0, QUOTED_CHARACTERS).join("")}${isLong ? "…" : ""}"`;
}
