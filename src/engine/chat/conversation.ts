import type { Prompt } from "../engine.ts";
import {
  type ChatFrames,
  type Frame,
  type FrameTexts,
  frameTokens,
  type Tokenizer,
} from "./frame.ts";
import { ReplyText } from "./reply_text.ts";

/** What a conversation uses of a model of node-llama-cpp. */
interface Model<Token> extends Tokenizer<Token> {
  isSpecialToken(token: Token): boolean;
}

/**
 * A model's chat template in its tokens. A context only grows: what was said stays as it was
 * computed, and of each turn only what comes after the last reply is added. So models whose state
 * can't be taken back are told the same as others.
 */
export class Conversation<Token> {
  readonly #frames: ChatFrames;
  readonly #model: Model<Token>;
  /** Tokens that end a reply beside the model's own: a template's markers, none of which is text. */
  readonly #endTokens: ReadonlySet<Token>;
  /** Tokens of reasoning that are no text either. */
  readonly #markers = new Map<Token, string>();

  constructor(frames: ChatFrames, model: Model<Token>) {
    this.#frames = frames;
    this.#model = model;
    const ends = [
      ...this.#tokens(frames.next, { message: "" }, true),
      ...frames.ends.flatMap((end) => model.tokenize(end, true, "trimLeadingSpace")),
    ];
    const { open = "", close = "" } = frames.reasoning ?? {};
    for (const marker of [open, close]) {
      const [token, ...rest] = model.tokenize(marker, true, "trimLeadingSpace");
      if (token !== undefined && rest.length === 0) this.#markers.set(token, marker);
    }
    this.#endTokens = new Set(
      ends.filter((token) => model.isSpecialToken(token) && !this.#markers.has(token)),
    );
  }

  /** What is evaluated for a prompt, in a context where something was said already or nothing. */
  tokens({ system, message, label }: Prompt, isBegun: boolean): Token[] {
    const texts = { message: message || label };
    if (isBegun) return this.#tokens(this.#frames.next, texts, true);
    const { withSystem, withoutSystem } = this.#frames;
    return system === undefined
      ? this.#tokens(withoutSystem, texts, false)
      : this.#tokens(withSystem, { ...texts, system }, false);
  }

  /**
   * Tokens of the next prompt that its template adds at least: a system message is told where there
   * is room for a hundred more than the few around it.
   */
  templateTokens(isBegun: boolean): number {
    const { next, withSystem, withoutSystem } = this.#frames;
    const frames = isBegun ? [next] : [withSystem, withoutSystem];
    return Math.min(
      ...frames.map((frame) => this.#tokens(frame, { message: "" }, isBegun).length),
    );
  }

  /** Whether a sampled token ends the reply. */
  isEnd(token: Token): boolean {
    return this.#endTokens.has(token);
  }

  /** The text of a token that stands around reasoning. */
  markerOf(token: Token): string | undefined {
    return this.#markers.get(token);
  }

  /** What is said of one reply. */
  reply(): ReplyText {
    return new ReplyText(this.#frames);
  }

  #tokens(frame: Frame, texts: FrameTexts, isContinued: boolean): Token[] {
    return frameTokens(frame, texts, this.#model, isContinued);
  }
}
