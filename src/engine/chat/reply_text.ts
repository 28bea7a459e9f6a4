import type { ChatFrames } from "./frame.ts";

/**
 * What of a reply is said, piece by piece: without white space before it, without what a reasoning
 * model thinks to itself, and up to a text that ends it. What may yet become one of these is held
 * back.
 */
export class ReplyText {
  readonly #ends: readonly string[];
  readonly #reasoning: ChatFrames["reasoning"];
  #state: "before" | "reasoning" | "said" | "ended" = "before";
  #held = "";

  constructor({ ends, reasoning }: Pick<ChatFrames, "ends" | "reasoning">) {
    this.#ends = ends;
    this.#reasoning = reasoning;
  }

  /** Whether a text came that ends it. */
  get ended(): boolean {
    return this.#state === "ended";
  }

  /** What is said with this piece, often nothing. */
  push(piece: string): string {
    this.#held += piece;
    return this.#take(false);
  }

  /** What was held back to the end. */
  end(): string {
    return this.#take(true);
  }

  #take(isWhole: boolean): string {
    let before: string;
    do {
      before = this.#state;
      if (before === "before") this.#begin(isWhole);
      else if (before === "reasoning") this.#endReasoning();
    } while (this.#state !== before);
    return this.#state === "said" ? this.#say(isWhole) : "";
  }

  #begin(isWhole: boolean): void {
    this.#held = this.#held.trimStart();
    const { open } = this.#reasoning ?? {};
    if (this.#held === "") return;
    if (open !== undefined && this.#held.startsWith(open)) {
      this.#held = this.#held.slice(open.length);
      this.#state = "reasoning";
    } else if (isWhole || !open?.startsWith(this.#held)) this.#state = "said";
  }

  #endReasoning(): void {
    const { close = "" } = this.#reasoning ?? {};
    const at = this.#held.indexOf(close);
    if (at < 0) {
      this.#held = this.#held.slice(-close.length);
      return;
    }
    this.#held = this.#held.slice(at + close.length);
    this.#state = "before";
  }

  #say(isWhole: boolean): string {
    const found = this.#ends.map((end) => this.#held.indexOf(end)).filter((at) => at >= 0);
    const at = found.length > 0 ? Math.min(...found) : undefined;
    const until = at ?? (isWhole ? this.#held.length : this.#held.length - this.#possibleEnd());
    const text = this.#held.slice(0, until);
    this.#held = at === undefined ? this.#held.slice(until) : "";
    if (at !== undefined) this.#state = "ended";
    return text;
  }

  /** Characters at its end that an end may begin with. */
  #possibleEnd(): number {
    const lengths = this.#ends.map((end) => {
      let length = Math.min(end.length - 1, this.#held.length);
      while (length > 0 && !this.#held.endsWith(end.slice(0, length))) length--;
      return length;
    });
    return Math.max(0, ...lengths);
  }
}
