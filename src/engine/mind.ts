import { BrainjarError } from "../budget/error.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import { PROMPT_STEP } from "../footprint/prompt_steps.ts";
import type { Mind, ThinkOptions, Thought } from "./engine.ts";
import { engineFailure } from "./failure.ts";
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from "./llama.ts";
import type { NativeLog } from "./native_log.ts";
import type { Samplers } from "./samplers.ts";
import { TextStream } from "./text_stream.ts";
import { trimMemory } from "./trim.ts";

/** A mind on a context of node-llama-cpp; it thinks one thought at a time. */
export class LlamaMind implements Mind {
  readonly contextSize: number;
  readonly #path: string;
  readonly #model: LlamaModel;
  readonly #context: LlamaContext;
  readonly #sequence: LlamaContextSequence;
  readonly #samplers: Samplers;
  readonly #log: NativeLog;
  /** Sampled, but not in the context yet. */
  #pending: Token[] = [];
  #thinking: Promise<unknown> = Promise.resolve();
  readonly #disposal = new AbortController();

  constructor(
    path: string,
    model: LlamaModel,
    context: LlamaContext,
    options: FootprintOptions,
    samplers: Samplers,
    log: NativeLog,
  ) {
    this.#path = path;
    this.#model = model;
    this.#context = context;
    this.#sequence = context.getSequence();
    this.#samplers = samplers;
    this.#log = log;
    // llama.cpp rounds up to 256; what was asked for, and admitted, is what counts.
    this.contextSize = Math.min(options.contextSize, context.contextSize);
  }

  get tokensUsed(): number {
    if (this.#disposal.signal.aborted) return 0;
    return this.#sequence.nextTokenIndex + this.#pending.length;
  }

  think(prompt: string, options: ThinkOptions): Promise<Thought> {
    const before = this.#thinking;
    const thought = before.then(() => this.#think(prompt, options));
    this.#thinking = thought.catch(() => {});
    return thought;
  }

  async #think(prompt: string, options: ThinkOptions): Promise<Thought> {
    const started = performance.now();
    const mark = this.#log.mark();
    let promptTokens = 0;
    const pieces: string[] = [];
    let sampled = 0;
    const thought = (stop: Thought["stop"]): Thought => ({
      text: pieces.join(""),
      promptTokens,
      tokens: sampled,
      milliseconds: performance.now() - started,
      stop,
    });
    const stopped = () => options.signal?.aborted === true || this.#disposal.signal.aborted;

    try {
      if (stopped()) return thought("aborted");
      const tokens = this.#tokenize(prompt);
      promptTokens = tokens.length;
      if (this.tokensUsed + promptTokens >= this.#limit) return thought("context-full");
      const input = [...this.#pending, ...tokens];
      this.#pending = [];
      const stream = new TextStream<Token>(
        (held, before) => this.#model.detokenize(held, false, before),
        input,
      );
      const say = (text: string) => {
        if (text === "") return;
        pieces.push(text);
        options.onText?.(text);
      };

      while (input.length > PROMPT_STEP) {
        await this.#sequence.evaluateWithoutGeneratingNewTokens(input.splice(0, PROMPT_STEP));
        this.#samplers.leave();
        if (stopped()) return thought("aborted");
      }
      const finish = (stop: Thought["stop"]): Thought => {
        say(stream.end());
        return thought(stop);
      };
      if (options.maxTokens < 1) {
        this.#pending = input;
        return finish("length");
      }
      const evaluation = this.#sequence.evaluate(input, {
        temperature: options.temperature,
        topP: options.topP,
        seed: options.seed >>> 0,
      });
      for await (const token of evaluation) {
        sampled++;
        say(stream.push(token));
        // The token enters the context only when the next one is asked for.
        this.#pending = [token];
        if (stopped()) return finish("aborted");
        if (sampled >= options.maxTokens) return finish("length");
        if (this.tokensUsed >= this.#limit) return finish("context-full");
        this.#pending = [];
      }
      return finish("end");
    } catch (error) {
      throw engineFailure("think-failed", this.#path, error, this.#log.since(mark));
    } finally {
      this.#samplers.leave();
    }
  }

  /** Tokens that fit: node-llama-cpp keeps one cell of its own context free. */
  get #limit(): number {
    return Math.min(this.contextSize, this.#context.contextSize - 1);
  }

  #tokenize(prompt: string): Token[] {
    const tokens = this.#model.tokenize(prompt, false);
    if (this.tokensUsed > 0) return tokens;
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    if (bos !== null && (shouldPrependBosToken || tokens.length === 0)) return [bos, ...tokens];
    if (tokens.length > 0) return tokens;
    throw new BrainjarError("think-failed", "Nothing to think about: the prompt has no tokens", {
      kind: "engine",
      hint: "Give the mind a prompt",
    });
  }

  async dispose(): Promise<void> {
    this.#disposal.abort();
    await this.#thinking;
    await this.#context.dispose();
    await trimMemory();
  }
}
