// A character of UTF-8 has four bytes at most, so more tokens can't complete a broken one.
const LONGEST_CHARACTER = 4;
const BROKEN = "\ufffd";
// Enough of what came before for a tokenizer to know whether a space belongs in between.
const REMEMBERED = 8;

/**
 * Turns tokens into text piece by piece, holding tokens back while they end within a character.
 */
export class TextStream<Token> {
  readonly #decode: (tokens: Token[], before: Token[]) => string;
  #held: Token[] = [];
  #before: Token[];

  /** `decode` gets tokens, and the tokens before them; `before` are those before the first. */
  constructor(decode: (tokens: Token[], before: Token[]) => string, before: readonly Token[] = []) {
    this.#decode = decode;
    this.#before = before.slice(-REMEMBERED);
  }

  /** The text that is complete with this token, often empty. */
  push(token: Token): string {
    this.#held.push(token);
    const text = this.#decode(this.#held, this.#before);
    if (text.endsWith(BROKEN) && this.#held.length < LONGEST_CHARACTER) return "";
    this.#before = [...this.#before, ...this.#held].slice(-REMEMBERED);
    this.#held = [];
    return text;
  }

  /** What was held back to the end. */
  end(): string {
    const held = this.#held;
    this.#held = [];
    return held.length === 0 ? "" : this.#decode(held, this.#before);
  }
}
