import type { Paragraph } from "../../report/short/paragraph.ts";
import type { Output } from "./output.ts";
import type { Stop } from "./stop.ts";

/** Words as they are, or what is wrapped to a terminal's width. */
type Text = string | readonly Paragraph[];

/**
 * An answer that is written while the run goes on: a reader that is slow, or has stopped reading, keeps
 * neither the watch waiting nor a Ctrl-C.
 */
export class AnswerQueue {
  readonly #output: Pick<Output, "answerLater" | "answerParagraphs">;
  readonly #onUnread: () => void;
  #written = Promise.resolve();
  #waiting = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param onUnread Called when nobody reads any more. */
  constructor(output: Pick<Output, "answerLater" | "answerParagraphs">, onUnread: () => void) {
    this.#output = output;
    this.#onUnread = onUnread;
  }

  /** Whether all of it is written. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Writes it after what is waiting. Throws what an earlier text failed with. */
  push(text: Text): void {
    this.throwFailure();
    this.#waiting++;
    this.#written = this.#written.then(() => this.#write(text));
  }

  /** Resolves when all that was pushed so far is written, or can't be; never rejects. */
  drained(): Promise<void> {
    return this.#written;
  }

  /** Throws what writing failed with. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #write(text: Text): Promise<void> {
    try {
      if (this.#failure) return;
      const isRead = typeof text === "string"
        ? await this.#output.answerLater(text)
        : await this.#output.answerParagraphs(text);
      if (!isRead) this.#onUnread();
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#waiting--;
    }
  }
}

/** The queue of a command that ends, as by a signal, when nobody reads its answer any more. */
export function openAnswerQueue(output: Output, stop: Pick<Stop, "ask">): AnswerQueue {
  return new AnswerQueue(output, () => stop.ask(output.answersTerminal ? "SIGHUP" : "SIGPIPE"));
}
