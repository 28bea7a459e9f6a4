import { BrainjarError } from "../budget/error.ts";
import { PROMPT_STEP } from "../footprint/prompt_steps.ts";
import type { Mind, Prompt, ThinkOptions, Thought } from "./engine.ts";
import { Conversation } from "./chat/conversation.ts";
import type { ChatFrames, Tokenizer } from "./chat/frame.ts";
import { engineFailure } from "./failure.ts";
import type { NativeLog } from "./native_log.ts";
import { usableCells } from "./patches.ts";
import type { Samplers } from "./samplers.ts";
import { TextStream } from "./text_stream.ts";
import { trimMemory } from "./trim_memory.ts";

// Below this one core thinks more than 50 tokens a second, faster than anybody reads, and threads
// may lose more than they win: they wait for each other after each of a token's hundreds of steps.
// With other work on two cores a model of 60 MB thought 12 tokens a second with two threads.
const SMALL_WEIGHTS = 128 * 1024 * 1024;

/**
 * The threads to think with: one for a small model, else one for each core that this process may
 * use. The engine's own default is at least four, and its threads spin while they wait: on two
 * cores with other work a token then takes a thousand times as long.
 *
 * @param weightBytes the model's size in bytes
 * @param cores what may be used, from the engine and from the operating system; the fewest count
 */
export function thinkingThreads(weightBytes: number, cores: readonly number[]): number {
  return weightBytes < SMALL_WEIGHTS ? 1 : Math.max(1, Math.min(...cores));
}

/** What a mind uses of a model of node-llama-cpp. */
interface Model<Token> extends Tokenizer<Token> {
  readonly tokens: { readonly bos: Token | null; readonly shouldPrependBosToken: boolean };
  isSpecialToken(token: Token): boolean;
  detokenize(tokens: Token[], specialTokens: boolean, before: Token[]): string;
}

/** What a mind uses of a context of node-llama-cpp. */
interface Context<Token> {
  readonly contextSize: number;
  getSequence(): Sequence<Token>;
  dispose(): Promise<void>;
}

interface Sequence<Token> {
  readonly nextTokenIndex: number;
  evaluateWithoutGeneratingNewTokens(tokens: Token[]): Promise<void>;
  evaluate(
    tokens: Token[],
    options: { temperature: number; topP: number; seed: number },
  ): AsyncIterable<Token>;
}

/** What a mind thinks with. */
interface MindParts<Token> {
  /** The model's path, for errors. */
  readonly path: string;
  readonly model: Model<Token>;
  readonly context: Context<Token>;
  /** Tokens that were asked for, and admitted. */
  readonly contextSize: number;
  /** Its chat template; absent for raw text. */
  readonly chat?: ChatFrames;
  readonly samplers: Samplers;
  readonly log: NativeLog;
}

/** A mind on a context of node-llama-cpp; it thinks one thought at a time. */
export class LlamaMind<Token> implements Mind {
  readonly contextSize: number;
  readonly #parts: MindParts<Token>;
  readonly #sequence: Sequence<Token>;
  /** How prompts are told; absent for raw text. */
  readonly #chat: Conversation<Token> | undefined;
  /** Sampled, but not in the context yet. */
  #pending: Token[] = [];
  #thinking: Promise<unknown> = Promise.resolve();
  readonly #disposal = new AbortController();

  constructor(parts: MindParts<Token>) {
    this.#parts = parts;
    this.#sequence = parts.context.getSequence();
    this.#chat = parts.chat && new Conversation(parts.chat, parts.model);
    // llama.cpp rounds up to 256; what was asked for, and admitted, is what counts.
    this.contextSize = Math.min(parts.contextSize, parts.context.contextSize);
  }

  get tokensUsed(): number {
    if (this.#disposal.signal.aborted) return 0;
    return this.#sequence.nextTokenIndex + this.#pending.length;
  }

  get templateTokens(): number {
    return this.#chat?.templateTokens(this.tokensUsed > 0) ?? 0;
  }

  think(prompt: Prompt | string, options: ThinkOptions): Promise<Thought> {
    const before = this.#thinking;
    const thought = before.then(() => this.#think(prompt, options));
    this.#thinking = thought.catch(() => {});
    return thought;
  }

  async #think(prompt: Prompt | string, options: ThinkOptions): Promise<Thought> {
    const { path, model, samplers, log } = this.#parts;
    const started = performance.now();
    const mark = log.mark();
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
      const chat = typeof prompt === "string" ? undefined : this.#chat;
      const tokens = this.#tokenize(prompt);
      promptTokens = tokens.length;
      if (this.tokensUsed + promptTokens >= this.#limit) return thought("context-full");
      const input = [...this.#pending, ...tokens];
      this.#pending = [];
      const stream = new TextStream<Token>(
        (held, before) => model.detokenize(held, false, before),
        input,
      );
      const reply = chat?.reply();
      const say = (text: string) => {
        // Also where nothing is said: who waits for a sign of life gets one.
        if (text !== "") pieces.push(text);
        options.onText?.(text);
      };
      const hear = (text: string) => say(reply?.push(text) ?? text);

      while (input.length > PROMPT_STEP) {
        await this.#sequence.evaluateWithoutGeneratingNewTokens(input.splice(0, PROMPT_STEP));
        samplers.leave();
        if (stopped()) return thought("aborted");
      }
      const finish = (stop: Thought["stop"]): Thought => {
        hear(stream.end());
        if (reply) say(reply.end());
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
        if (chat?.isEnd(token)) return finish("end");
        sampled++;
        const marker = chat?.markerOf(token);
        hear(marker === undefined ? stream.push(token) : stream.end() + marker);
        // The token enters the context only when the next one is asked for.
        this.#pending = [token];
        if (stopped()) return finish("aborted");
        if (reply?.ended) return finish("end");
        if (sampled >= options.maxTokens) return finish("length");
        if (this.tokensUsed >= this.#limit) return finish("context-full");
        this.#pending = [];
      }
      return finish("end");
    } catch (error) {
      throw engineFailure("think-failed", { path }, error, log.since(mark));
    } finally {
      samplers.leave();
    }
  }

  /** Tokens that fit. */
  get #limit(): number {
    return Math.min(this.contextSize, usableCells(this.#parts.context.contextSize));
  }

  #tokenize(prompt: Prompt | string): Token[] {
    const { model } = this.#parts;
    const isBegun = this.tokensUsed > 0;
    const tokens = typeof prompt !== "string" && this.#chat
      ? this.#chat.tokens(prompt, isBegun)
      : model.tokenize(typeof prompt === "string" ? prompt : rawText(prompt, isBegun), false);
    if (isBegun) return tokens;
    const { bos, shouldPrependBosToken } = model.tokens;
    // Templates that write it themselves have it once.
    if (bos !== null && tokens[0] === bos) return tokens;
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
    await this.#parts.context.dispose();
    await trimMemory();
  }
}

/** A prompt for a model without a chat template: a text that it goes on with. */
function rawText({ system, message, label }: Prompt, isBegun: boolean): string {
  const parts = [isBegun ? "" : system ?? "", message, label].filter((part) => part !== "");
  return `${isBegun ? "\n\n" : ""}${parts.join("\n")}`;
}
