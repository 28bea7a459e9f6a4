import { BrainjarError } from "../budget/error.ts";
import { defined } from "../budget/defined.ts";
import type { Mind, Prompt, ThinkOptions, Thought } from "../engine/engine.ts";
import type { JarAnswer } from "../report/schema/jar.ts";
import type { JarLink } from "./jar_link.ts";

/** What a mind elsewhere is known by. */
interface RemoteMindOptions {
  readonly link: JarLink;
  readonly contextSize: number;
  readonly templateTokens: number;
  /** The turn that the run is in. */
  readonly turn: () => number;
}

type Heard = Extract<JarAnswer, { readonly answer: "text" | "thought" }>;

/** A mind that thinks in another process. */
export class RemoteMind implements Mind {
  readonly contextSize: number;
  readonly #options: RemoteMindOptions;
  #tokensUsed = 0;
  #templateTokens: number;
  #thinking: PromiseWithResolvers<Thought> | undefined;
  #onText: ThinkOptions["onText"];

  constructor(options: RemoteMindOptions) {
    this.#options = options;
    this.contextSize = options.contextSize;
    this.#templateTokens = options.templateTokens;
  }

  get tokensUsed(): number {
    return this.#tokensUsed;
  }

  get templateTokens(): number {
    return this.#templateTokens;
  }

  async think(prompt: Prompt | string, options: ThinkOptions): Promise<Thought> {
    const { link, turn } = this.#options;
    const { maxTokens, temperature, topP, seed, signal, onText } = options;
    if (typeof prompt === "string" || this.#thinking !== undefined || link.isOver) {
      throw new BrainjarError("think-failed", "A mind elsewhere is told one prompt at a time", {
        kind: "engine",
      });
    }
    const thinking = this.#thinking = Promise.withResolvers<Thought>();
    this.#onText = onText;
    const { system, message, label } = prompt;
    const told = { ...defined({ system }), message, label };
    const sampling = { maxTokens, temperature, topP, seed };
    link.send({ ask: "think", prompt: told, sampling, turn: turn() });
    const stop = () => link.send({ ask: "stop" });
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop);
    try {
      return await thinking.promise;
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#thinking = undefined;
      this.#onText = undefined;
    }
  }

  /** Takes what was answered of a thought. */
  hear(answer: Heard): void {
    if (answer.answer === "text") return this.#onText?.(answer.text);
    const { text, promptTokens, tokens, stop, milliseconds } = answer;
    this.#tokensUsed = answer.contextTokens;
    this.#templateTokens = answer.templateTokens;
    this.#thinking?.resolve({ text, promptTokens, tokens, stop, milliseconds });
  }

  /** The thought that is going on comes to nothing. */
  fail(error: Error): void {
    this.#thinking?.reject(error);
  }

  /** Its process frees it: who asks that is its place. */
  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
