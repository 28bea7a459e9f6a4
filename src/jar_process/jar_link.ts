import { BrainjarError } from "../budget/error.ts";
import { defined } from "../budget/defined.ts";
import { type Clock, settlesWithin } from "../experiment/clock.ts";
import { jsonText } from "../report/printable.ts";
import type { JarAnswer, JarRequest } from "../report/schema/jar.ts";
import { ExpectedAnswers } from "./expected_answers.ts";
import { boundedLines, parseAnswer } from "./lines.ts";
import type { ProcessEnd } from "./process_end.ts";
import type { Bye } from "./inside/serve_jar.ts";

/** A process that a launcher started, as far as it is talked to. */
export interface JarChild {
  readonly stdin: WritableStream<Uint8Array<ArrayBuffer>>;
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<{ readonly code: number; readonly signal: string | null }>;
  /** What its scheduler's queue says of it, in a line; nothing where it says nothing. */
  readonly askQueue?: () => Promise<string>;
  /** Never throws, also where it has ended. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** Whether what it started and left behind still runs, as far as that can be known. */
  leftOthers(): boolean;
  /** Ends those. Never throws. */
  killOthers(): void;
  /** Whether the kernel ended a process for memory where it is, since that was asked last. */
  wasKilledForMemory(): boolean;
}

/** Who hears what a jar's process says. */
interface JarLinkOptions {
  readonly child: JarChild;
  readonly clock: Clock;
  /** Each answer, in order. */
  readonly hear: (answer: JarAnswer) => void;
  /** Once: it has ended, whatever became of it. */
  readonly ended: (end: ProcessEnd) => void;
}

/** The end of what a process says on stderr: enough for the words of an assertion. */
const KEPT_CHARACTERS = 4000;

/** What has closed its stdout and doesn't end is ended: some launchers outlive what they started. */
const LINGERING_MILLISECONDS = 2_000;

/** What reads nothing any more and doesn't end: who ended it elsewhere may take a while to say so. */
const UNREAD_MILLISECONDS = 5_000;

/** Between a polite end and one that can't be refused. */
const POLITE_MILLISECONDS = 500;

/** A jar's process at the other end of its standard streams. */
export class JarLink {
  readonly #options: JarLinkOptions;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #done: Promise<void>;
  readonly #left = new AbortController();
  readonly #expected = new ExpectedAnswers();
  #said = "";
  #bye: Bye | undefined;
  #notUnderstood: BrainjarError | undefined;
  #closed: ProcessEnd["closed"];
  #silentMilliseconds: number | undefined;
  #isOver = false;
  /** Requests that it hasn't read yet. */
  #waiting = 0;
  #heardAt: number;
  #kernelKilledAt = -Infinity;

  constructor(options: JarLinkOptions) {
    this.#options = options;
    this.#writer = options.child.stdin.getWriter();
    this.#heardAt = options.clock.now();
    this.#done = this.#follow();
    this.#writer.closed.catch(() => this.#unread());
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when nothing is left of it: some time after it is over, where it left others behind. */
  get isGone(): Promise<void> {
    return this.#done;
  }

  /** When something was heard of it last, by the clock. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The end of what it said on stderr. */
  get said(): string {
    return this.#said;
  }

  /**
   * Asks it something; nothing where it has ended. A sign of life is asked for once at a time: what
   * nobody reads doesn't pile up here.
   */
  send(request: JarRequest): void {
    if (this.#isOver || (request.ask === "vitals" && this.#waiting > 0)) return;
    this.#expected.ask(request);
    this.#waiting++;
    const read = () => {
      this.#waiting--;
    };
    this.#writer.write(new TextEncoder().encode(`${jsonText(request)}\n`)).then(read, () => {});
  }

  /** Notes whether the kernel has ended a process for memory lately. */
  lookAtKernel(): void {
    const { child, clock } = this.#options;
    if (child.wasKilledForMemory()) this.#kernelKilledAt = clock.now();
  }

  /** It was silent for too long: it is ended, and that is why. */
  endForSilence(milliseconds: number): Promise<void> {
    this.#silentMilliseconds ??= milliseconds;
    return this.kill();
  }

  /**
   * Ends it as soon as it lets itself be ended: asked, then by closing stdin, then by signals, the last
   * of which can't be refused.
   */
  async end(milliseconds: number): Promise<void> {
    const { clock } = this.#options;
    this.send({ ask: "end" });
    this.#writer.close().catch(() => {});
    if (await settlesWithin(this.#done, milliseconds, clock)) return;
    await this.kill();
  }

  /** Ends it by signals. A launcher passes the first one on to what it started elsewhere. */
  async kill(): Promise<void> {
    const { child, clock } = this.#options;
    child.kill("SIGTERM");
    if (await settlesWithin(this.#done, POLITE_MILLISECONDS, clock)) return;
    child.kill("SIGKILL");
    await settlesWithin(this.#done, LINGERING_MILLISECONDS * 2, clock);
    this.#over({});
  }

  async #follow(): Promise<void> {
    const { child, clock } = this.#options;
    const errors = this.#keepErrors();
    const reading = this.#read();
    const isRead = await Promise.race([
      reading.then(() => true),
      child.status.then(() => false),
    ]);
    if (isRead) {
      if (!await settlesWithin(child.status, LINGERING_MILLISECONDS, clock)) {
        await this.#endFor("stdout");
      }
    } else {
      // Its last words are on their way. A pipe that a grandchild holds open keeps nobody waiting.
      await settlesWithin(reading, LINGERING_MILLISECONDS, clock);
    }
    const ended = await Promise.race([child.status, clock.sleep(LINGERING_MILLISECONDS)]);
    await settlesWithin(errors, POLITE_MILLISECONDS, clock);
    this.#over(ended ?? {});
    if (!child.leftOthers()) return;
    // A launcher's helper may be busy ending what it started elsewhere.
    await clock.sleep(POLITE_MILLISECONDS);
    child.killOthers();
  }

  /** A pipe broke: its end is on its way, or it has closed its stdin and goes on. */
  async #unread(): Promise<void> {
    const { child, clock } = this.#options;
    if (await settlesWithin(child.status, UNREAD_MILLISECONDS, clock) || this.#isOver) return;
    await this.#endFor("stdin");
  }

  /** What can't be talked to any more is ended. */
  async #endFor(closed: "stdin" | "stdout"): Promise<void> {
    const { child, clock } = this.#options;
    this.#closed ??= closed;
    child.kill("SIGTERM");
    if (!await settlesWithin(child.status, POLITE_MILLISECONDS, clock)) child.kill("SIGKILL");
  }

  #over(status: { readonly code?: number; readonly signal?: string | null }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.lookAtKernel();
    const { clock, ended } = this.#options;
    // Whatever still runs of it has nobody to talk to.
    this.#left.abort();
    this.#writer.abort().catch(() => {});
    ended({
      ...status,
      said: this.#said,
      kernelKilled: clock.now() - this.#kernelKilledAt < LINGERING_MILLISECONDS * 2,
      ...defined({
        bye: this.#bye,
        closed: this.#closed,
        notUnderstood: this.#notUnderstood,
        silentMilliseconds: this.#silentMilliseconds,
      }),
    });
  }

  async #read(): Promise<void> {
    const { child, hear, clock } = this.#options;
    try {
      for await (const line of boundedLines(child.stdout, this.#left.signal)) {
        // What a launcher adds after the last line is none of the jar's.
        if (this.#bye !== undefined) continue;
        const answer = parseAnswer(line);
        const wrong = this.#expected.hear(answer);
        if (wrong !== undefined) throw wrong;
        this.#heardAt = clock.now();
        if (answer.answer === "bye") this.#bye = answer.reason;
        hear(answer);
      }
    } catch (error) {
      // Anything else is a stream that broke: its end is seen by its status.
      if (!(error instanceof BrainjarError)) return;
      this.#notUnderstood ??= error;
      child.kill("SIGTERM");
    }
  }

  async #keepErrors(): Promise<void> {
    const { signal } = this.#left;
    const { stderr } = this.#options.child;
    try {
      for await (const piece of stderr.pipeThrough(new TextDecoderStream(), { signal })) {
        this.#said = (this.#said + piece).slice(-KEPT_CHARACTERS);
      }
    } catch {
      // What it said until then is what there is.
    }
  }
}
