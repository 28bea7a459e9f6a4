import { BrainjarError } from "../budget/error.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { DryLoad } from "./engine.ts";

/** What starts this program once more. */
export interface ProgramStart {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** The folder that paths in them are meant from. */
  readonly folder: string;
}

/** Where the system tells how this program was started: what starts it once more. */
export type StartDryLoads = () => ProgramStart | undefined;

/** What the process is asked, a line of JSON. */
export interface DryLoadQuestion {
  readonly model: string;
  readonly options: FootprintOptions;
}

/** What it answers, a line of JSON. */
export type DryLoadAnswer =
  | DryLoad
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

/** One process that makes dry loads, until it ends. */
class DryLoadProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncGenerator<string, void>;
  readonly #said: Promise<string>;

  constructor({ words: [program = "", ...args], folder }: ProgramStart) {
    this.#child = new Deno.Command(program, {
      args,
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A backtrace would start a debugger, which takes seconds.
      env: { GGML_NO_BACKTRACE: "1" },
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#answers = linesOf(this.#child.stdout);
    this.#said = lastOf(this.#child.stderr);
  }

  /** Nothing where the process ended instead of answering. */
  async ask(question: DryLoadQuestion): Promise<DryLoadAnswer | undefined> {
    const line = new TextEncoder().encode(JSON.stringify(question) + "\n");
    // A process that ended reads nothing; its end is seen where the answer is read.
    await this.#writer.write(line).catch(() => {});
    const answer = await this.#answers.next();
    return answer.done ? undefined : JSON.parse(answer.value);
  }

  /** How it ended: by a signal, as a failed assertion ends it, or by itself; with its last words. */
  async end(): Promise<{ readonly isSignal: boolean; readonly how: string }> {
    const { signal, code } = await this.#child.status;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    // llama.cpp names its file by where it was built.
    const said = (await this.#said).trim().split("\n").at(-1)?.replace(/^\/\S*\//, "") ?? "";
    return { isSignal: signal !== null, how: said === "" ? how : `${how}: ${said}` };
  }

  async dispose(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    await this.#said;
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
 * Dry loads in a process of their own: some headers end the process that loads them (a failed
 * assertion of llama.cpp, signal 6), and that must cost their model's answer alone.
 */
export class SeparateDryLoads {
  #process: DryLoadProcess | undefined;
  /** One question after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param command starts a program that calls `answerDryLoads` */
  constructor(readonly command: ProgramStart) {}

  /** @throws {BrainjarError} `engine-aborted`, or what the engine's own dry load throws. */
  dryLoad(model: string, options: FootprintOptions): Promise<DryLoad> {
    const asked = this.#last.then(() => this.#ask({ model, options }));
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #ask(question: DryLoadQuestion): Promise<DryLoad> {
    const process = this.#process ??= new DryLoadProcess(this.command);
    const answer = await process.ask(question);
    if (answer === undefined) {
      this.#process = undefined;
      const { isSignal, how } = await process.end();
      throw new BrainjarError(
        "engine-aborted",
        `The engine ended its process on the model: ${question.model}`,
        {
          kind: "engine",
          hint: isSignal
            ? `Its header is one that llama.cpp can't cope with: ${how}`
            : `The process that makes dry loads can't go on: ${how}`,
        },
      );
    }
    if (!("error" in answer)) return answer;
    const { code, message, ...details } = answer.error;
    throw new BrainjarError(code, message, details);
  }

  /** Ends the process. */
  async dispose(): Promise<void> {
    await this.#last;
    await this.#process?.dispose();
    this.#process = undefined;
  }
}
