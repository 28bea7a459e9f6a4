import { defined } from "../budget/defined.ts";
import { BrainjarError } from "../budget/error.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { DryLoad } from "./engine.ts";
import type { EngineBackend } from "./gpu/backends.ts";
import type { EngineDevice } from "./gpu/engine_devices.ts";

/** What starts this program once more. */
export interface ProgramStart {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** The folder that paths in them are meant from. */
  readonly folder: string;
  /** Variables that it is started with beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends it when it fires. */
  readonly signal?: AbortSignal;
}

/** Where the system tells how this program was started: what starts it once more. */
export type StartDryLoads = () => ProgramStart | undefined;

/** What the process is asked: a dry load, its devices, or a thought on all of them. */
export type EngineQuestion =
  | { readonly ask: "dry-load"; readonly model: string; readonly options: FootprintOptions }
  | { readonly ask: "devices" }
  | { readonly ask: "thought"; readonly model: string };

/** A question as a line of JSON, with what the engine is to be opened for. */
export type EngineQuestionLine = EngineQuestion & { readonly gpu: EngineBackend };

/** What is answered to each question. */
interface Answers {
  readonly "dry-load": DryLoad;
  readonly devices: readonly EngineDevice[];
  readonly thought: null;
}

/** What it answers, a line of JSON. */
export type EngineAnswer =
  | { readonly answer: Answers[keyof Answers] }
  | {
    readonly error: Pick<BrainjarError, "code" | "message" | "kind"> & { readonly hint?: string };
  };

/** The whole lines of a stream, each as soon as it has come. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void> {
  let rest = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** The last lines that a process said, which name the assertion that ended it. */
const KEPT_CHARACTERS = 4000;

/** How a process ended that was asked something. */
export class EngineProcessEnded extends Error {
  constructor(
    /** Whether a signal ended it, as a failed assertion does. */
    readonly isSignal: boolean,
    /** The signal or exit code, and its last words. */
    readonly how: string,
    /** All that it said in the end. */
    readonly said: string,
  ) {
    super(`The engine's process ended: ${how}`);
  }
}

/** One process that answers for an engine, until it ends. */
class DryLoadProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncGenerator<string, void>;
  readonly #errors: Promise<string>;
  /** What it said between its answers, as native code does. */
  said = "";

  constructor({ words: [program = "", ...args], folder, env = {}, signal }: ProgramStart) {
    this.#child = new Deno.Command(program, {
      args,
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A backtrace would start a debugger, which takes seconds.
      env: { GGML_NO_BACKTRACE: "1", ...env },
      ...defined({ signal }),
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#answers = linesOf(this.#child.stdout);
    this.#errors = lastOf(this.#child.stderr);
  }

  /** Nothing where the process ended instead of answering. */
  async ask(question: EngineQuestionLine): Promise<EngineAnswer | undefined> {
    const line = new TextEncoder().encode(JSON.stringify(question) + "\n");
    // A process that ended reads nothing; its end is seen where the answer is read.
    await this.#writer.write(line).catch(() => {});
    while (true) {
      const answer = await this.#answers.next();
      if (answer.done) return undefined;
      if (answer.value.startsWith("{")) return JSON.parse(answer.value);
      this.said = `${this.said}${answer.value}\n`.slice(-KEPT_CHARACTERS);
    }
  }

  /** How it ended: by a signal, as a failed assertion ends it, or by itself; with its last words. */
  async end(): Promise<EngineProcessEnded> {
    const { signal, code } = await this.#child.status;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const errors = await this.#errors;
    // llama.cpp names its file by where it was built.
    const last = errors.trim().split("\n").at(-1)?.replace(/^\/\S*\//, "") ?? "";
    return new EngineProcessEnded(
      signal !== null,
      last === "" ? how : `${how}: ${last}`,
      this.said + errors,
    );
  }

  async dispose(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    await this.#errors;
  }
}

async function lastOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + piece).slice(-KEPT_CHARACTERS);
  }
  return text;
}

/**
 * An engine in a process of its own: some headers end the process that loads them (a failed
 * assertion of llama.cpp, signal 6), and some drivers the one that computes; that must cost their
 * answer alone.
 */
export class SeparateDryLoads {
  #process: DryLoadProcess | undefined;
  /** One question after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param command starts a program that calls `answerDryLoads`
   * @param gpu what the engine is opened for there
   */
  constructor(readonly command: ProgramStart, readonly gpu: EngineBackend = "off") {}

  /** @throws {BrainjarError} `engine-aborted`, or what the engine's own dry load throws. */
  async dryLoad(model: string, options: FootprintOptions): Promise<DryLoad> {
    try {
      return await this.ask({ ask: "dry-load", model, options });
    } catch (error) {
      if (!(error instanceof EngineProcessEnded)) throw error;
      const { isSignal, how } = error;
      throw new BrainjarError(
        "engine-aborted",
        `The engine ended its process on the model: ${model}`,
        {
          kind: "engine",
          hint: isSignal
            ? `Its header is one that llama.cpp can't cope with: ${how}`
            : `The process that makes dry loads can't go on: ${how}`,
        },
      );
    }
  }

  /** What native code said there on its own account. */
  get said(): string {
    return this.#process?.said ?? "";
  }

  /**
   * Asks it one thing, after all that it was asked before.
   *
   * @throws {EngineProcessEnded} where it ended instead of answering; the next question starts
   * another
   * @throws {BrainjarError} what the engine there throws
   */
  ask<Question extends EngineQuestion>(question: Question): Promise<Answers[Question["ask"]]> {
    const asked = this.#last.then(() => this.#ask(question));
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #ask<Question extends EngineQuestion>(
    question: Question,
  ): Promise<Answers[Question["ask"]]> {
    const process = this.#process ??= new DryLoadProcess(this.command);
    const line = await process.ask({ ...question, gpu: this.gpu });
    if (line === undefined) {
      this.#process = undefined;
      throw await process.end();
    }
    // It answers what it was asked.
    if (!("error" in line)) return line.answer as Answers[Question["ask"]];
    const { code, message, ...details } = line.error;
    throw new BrainjarError(code, message, details);
  }

  /** Ends the process. */
  async dispose(): Promise<void> {
    await this.#last;
    await this.#process?.dispose();
    this.#process = undefined;
  }
}
