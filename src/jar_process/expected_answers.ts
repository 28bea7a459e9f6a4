import type { BrainjarError } from "../budget/error.ts";
import type { JarAnswer, JarRequest } from "../report/schema/jar.ts";
import { MAX_LINE_CHARACTERS, notUnderstood } from "./lines.ts";

type Hello = Extract<JarAnswer, { readonly answer: "hello" }>;

/** A process that warns more often than this is out of its mind, and a transcript would fill with it. */
const MOST_WARNINGS = 1000;

/** A piece of a thought for each of its tokens, and what was held back until it is clear what it says. */
const PIECES_AT_THE_END = 2;

/**
 * What a jar's process may answer, after all that it was asked and has answered: each answer in its
 * turn, once, no more pieces of a thought than tokens, and no more words in it than the longest line
 * holds. So whatever speaks there, it can't mislead a run, fill its memory or go on for ever.
 *
 * @example
 * ```ts
 * import { ExpectedAnswers } from "./expected_answers.ts";
 * const expected = new ExpectedAnswers();
 * const answer = { answer: "text", text: "Hi" } as const;
 * if (expected.hear(answer)?.code !== "jar-protocol") throw new Error("Hello comes first");
 * ```
 */
export class ExpectedAnswers {
  #hello: Hello | undefined;
  #isEntering = false;
  #isAdmitted = false;
  #isThinking = false;
  /** Characters of the thought that is going on. */
  #thought = 0;
  /** Pieces of it that may still come. */
  #pieces = 0;
  /** Answers `died` that are still to come, or may be. */
  #deaths = 0;
  #warnings = 0;

  /** It is asked this. */
  ask(request: JarRequest): void {
    const { ask } = request;
    if (ask === "load" || ask === "resurrect") {
      this.#isEntering = true;
      this.#isAdmitted = false;
    } else if (ask === "think") {
      this.#isThinking = true;
      this.#thought = 0;
      this.#pieces = request.sampling.maxTokens + PIECES_AT_THE_END;
    } else if (ask === "die") this.#deaths++;
  }

  /** It answers this; what is wrong with that, if anything is. */
  hear(answer: JarAnswer): BrainjarError | undefined {
    const what = this.#hear(answer);
    return what === undefined ? undefined : notUnderstood(what);
  }

  #hear(answer: JarAnswer): string | undefined {
    if (answer.answer === "hello") return this.#greeted(answer);
    if (this.#hello === undefined) return `"${answer.answer}" before "hello"`;
    switch (answer.answer) {
      case "admitted":
        if (!this.#isEntering || this.#isAdmitted) return unasked(answer);
        this.#isAdmitted = true;
        return undefined;
      case "loaded":
        if (this.#isEntering && !this.#isAdmitted) return `"loaded" before "admitted"`;
        return this.#settled(answer);
      case "refused":
        return this.#settled(answer);
      case "text":
        if (!this.#isThinking) return unasked(answer);
        if (--this.#pieces < 0) return "a thought has more pieces than tokens";
        this.#thought += answer.text.length;
        if (this.#thought <= MAX_LINE_CHARACTERS) return undefined;
        return `a thought has more than ${MAX_LINE_CHARACTERS} characters`;
      case "thought":
        if (!this.#isThinking) return unasked(answer);
        this.#isThinking = false;
        return undefined;
      case "dying":
        this.#deaths++;
        return undefined;
      case "died":
        return --this.#deaths < 0 ? unasked(answer) : undefined;
      case "failed":
        if (!this.#isEntering && !this.#isThinking) return this.#warned();
        this.#isEntering = false;
        this.#isThinking = false;
        return undefined;
      case "warning":
        return this.#warned();
      case "loading":
      case "vitals":
      case "bye":
        return undefined;
    }
  }

  #settled(answer: JarAnswer): string | undefined {
    if (!this.#isEntering) return unasked(answer);
    this.#isEntering = false;
    return undefined;
  }

  /** Once for itself and once for the one who asked: the same both times. */
  #greeted(hello: Hello): string | undefined {
    const first = this.#hello ??= hello;
    const isSame = first.host === hello.host && first.processId === hello.processId;
    return isSame ? undefined : `"hello" of another process, ${hello.processId} on ${hello.host}`;
  }

  #warned(): string | undefined {
    return ++this.#warnings > MOST_WARNINGS ? `more than ${MOST_WARNINGS} warnings` : undefined;
  }
}

function unasked({ answer }: JarAnswer): string {
  return `nobody asked for "${answer}"`;
}
