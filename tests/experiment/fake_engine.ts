import { BrainjarError } from "../../src/budget/error.ts";
import type {
  Engine,
  LoadedModel,
  Mind,
  Prompt,
  ThinkOptions,
  Thought,
} from "../../src/engine/engine.ts";
import { promptText } from "../../src/experiment/prompts/compose.ts";
import type { FakeClock } from "./fake_clock.ts";

/** What one operation does: `deaf` hangs and hears no signal, `late` hangs and is done 5 s on. */
export type Behaviour = "ok" | "fail" | "usage" | "hang" | "deaf" | "late";

export type Operation = "load" | "context" | "think" | "dispose";

export interface FakeEngineOptions {
  readonly clock: FakeClock;
  /** What the `count`th operation of its kind does, from 1. */
  readonly behave?: (operation: Operation, count: number) => Behaviour;
  readonly milliseconds?: Partial<Record<Operation, number>>;
  readonly modelBytes?: number;
  readonly contextBytes?: number;
  /** What is thought instead of a few words. */
  readonly say?: (prompt: string, seed: number) => string;
  /** Tokens of a thought, 8 unless told otherwise. */
  readonly tokens?: number;
  /** What it was told isn't kept in `prompts`. */
  readonly isForgotten?: boolean;
}

const WORDS = ["rain", "glass", "who", "light", "counts", "the", "jar", "again", "under", "me"];

/** An engine without a model: takes fake time, holds fake memory, and fails on demand. */
export class FakeEngine implements Engine {
  readonly prompts: string[] = [];
  readonly counts: Record<Operation, number> = { load: 0, context: 0, think: 0, dispose: 0 };
  minds = 0;
  models = 0;
  /** Most minds alive at once on a disposed model; must stay 0. */
  orphans = 0;
  readonly #options: FakeEngineOptions;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
  }

  get anonymousBytes(): number {
    const { modelBytes = 40, contextBytes = 10 } = this.#options;
    return this.models * modelBytes + this.minds * contextBytes;
  }

  devices(): Promise<never[]> {
    return Promise.resolve([]);
  }

  dryLoad(): Promise<never> {
    return Promise.reject(new Error("Not in a run"));
  }

  async load(
    path: string,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (fraction: number) => void },
  ): Promise<LoadedModel> {
    await this.#perform("load", options.signal);
    options.onProgress?.(1);
    this.models++;
    const state = { minds: 0, disposed: false };
    return {
      path,
      createMind: async ({ contextSize }, signal) => {
        await this.#perform("context", signal);
        if (state.disposed) this.orphans++;
        this.minds++;
        state.minds++;
        return this.#mind(contextSize, state);
      },
      dispose: async () => {
        if (state.disposed) throw new Error("Model disposed twice");
        if (state.minds > 0) this.orphans++;
        state.disposed = true;
        await this.#perform("dispose", undefined, () => this.models--);
      },
    };
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }

  #mind(contextSize: number, model: { minds: number }): Mind {
    let used = 0;
    let disposed = false;
    let thinking = false;
    const { say = saladOf, tokens = 8 } = this.#options;
    const think = async (given: Prompt | string, options: ThinkOptions): Promise<Thought> => {
      const prompt = typeof given === "string" ? given : promptText(given);
      if (disposed) throw new Error("Thought of a disposed mind");
      if (!this.#options.isForgotten) this.prompts.push(prompt);
      thinking = true;
      try {
        const promptTokens = new TextEncoder().encode(prompt).length;
        if (used + promptTokens >= contextSize) {
          used = contextSize;
          return { text: "", promptTokens, tokens: 0, milliseconds: 1, stop: "context-full" };
        }
        const before = this.#options.clock.now();
        const text = say(prompt, options.seed);
        // The first token comes before anything can go wrong.
        const first = /^\S*\s*/.exec(text)?.[0] ?? "";
        options.onText?.(first);
        if (await this.#perform("think", options.signal) === "aborted") {
          return { text: first, promptTokens, tokens: 1, milliseconds: 1, stop: "aborted" };
        }
        used += promptTokens;
        const room = contextSize - used;
        const sampled = Math.min(tokens, options.maxTokens, room);
        used += sampled;
        options.onText?.(text.slice(first.length));
        const milliseconds = this.#options.clock.now() - before;
        const stop = sampled < tokens && sampled === room ? "context-full" : "length";
        return { text, promptTokens, tokens: sampled, milliseconds, stop };
      } finally {
        thinking = false;
      }
    };
    return {
      contextSize,
      templateTokens: 0,
      get tokensUsed() {
        return used;
      },
      think,
      dispose: async () => {
        if (disposed) throw new Error("Mind disposed twice");
        if (thinking) this.orphans++;
        disposed = true;
        await this.#perform("dispose", undefined, () => {
          this.minds--;
          model.minds--;
        });
      },
    };
  }

  async #perform(
    operation: Operation,
    signal: AbortSignal | undefined,
    effect: () => void = () => {},
  ): Promise<"done" | "aborted"> {
    const { clock, behave, milliseconds } = this.#options;
    const count = ++this.counts[operation];
    const behaviour = behave?.(operation, count) ?? "ok";
    const time = milliseconds?.[operation] ?? 0;
    if (behaviour === "deaf") await new Promise<never>(() => {});
    if (behaviour === "late") await clock.sleep(time + 65_000);
    else if (behaviour === "hang") {
      await new Promise<void>((resolve) => {
        if (signal?.aborted) resolve();
        signal?.addEventListener("abort", () => resolve());
      });
    } else if (time > 0) await clock.sleep(time, signal);
    effect();
    if (behaviour === "fail") throw new Error(`${operation} broke`);
    if (behaviour === "usage") {
      throw new BrainjarError("unsupported-architecture", "Unsupported architecture: 'x'");
    }
    if (behaviour === "late" || !signal?.aborted) return "done";
    if (operation === "think") return "aborted";
    throw new Error(`${operation} aborted`);
  }
}

function saladOf(_prompt: string, seed: number): string {
  return Array.from({ length: 5 }, (_, index) => WORDS[(seed >> (index * 4)) % 10] ?? "me").join(
    " ",
  );
}
