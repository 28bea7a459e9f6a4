import { defined } from "../../budget/defined.ts";
import { lineOf } from "../../budget/error.ts";
import type { JarAnswer } from "../../report/schema/jar.ts";
import { JAR_PROTOCOL } from "../../report/schema/jar.ts";
import { boundedLines, parseRequest } from "../lines.ts";
import { type Bye, type Hello, JarServer, type ServeOptions } from "./serve_jar.ts";

/** What a jar's process reads, writes and is. */
export interface RunJarOptions extends Pick<ServeOptions, "open" | "clock"> {
  readonly requests: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Writes an answer after those before it; where nobody reads it any more it fires `stop`. */
  readonly answer: (answer: JarAnswer) => void;
  readonly version: string;
  readonly host: string;
  readonly processId: number;
  /** Its scheduler's name for it. */
  readonly job?: string;
  readonly stop: AbortController;
}

/**
 * Lives as a jar's process: says who it is, takes requests until the last one, its end or a stop,
 * and frees all that it has. Answers why it ended.
 *
 * A line that is no request is answered with `failed` and ends it: whoever wrote it is not who this
 * process was started by.
 */
export async function runJar(options: RunJarOptions): Promise<Bye | "protocol"> {
  const { answer, stop, version, host, processId, job } = options;
  const who = { version, host, processId, ...defined({ job }) };
  const hello: Hello = { answer: "hello", protocol: JAR_PROTOCOL, ...who };
  answer(hello);
  const server = new JarServer({ ...options, hello });
  const reading = readAll(options, server);
  const stopped = new Promise<Bye>((resolve) => {
    const end = () => resolve(stop.signal.reason);
    if (stop.signal.aborted) end();
    else stop.signal.addEventListener("abort", end);
  });
  const end = await Promise.race([reading, stopped]);
  stop.abort(end);
  await server.close();
  if (end !== "protocol") answer({ answer: "bye", reason: end });
  return end;
}

async function readAll(
  { requests, answer }: RunJarOptions,
  server: JarServer,
): Promise<"eof" | "protocol"> {
  try {
    for await (const line of boundedLines(requests)) {
      if (line.trim() !== "") server.take(parseRequest(line));
    }
    return "eof";
  } catch (error) {
    const hint = "brainjar schema jar prints what it takes";
    const told = { code: "jar-protocol", message: lineOf(error), hint, blame: "usage" } as const;
    answer({ answer: "failed", ...told });
    return "protocol";
  }
}
