import type { Clock } from "../../experiment/clock.ts";

/**
 * Between two pieces of text, in milliseconds: a small model makes a token in two, and to write and read
 * a line for each cost a tenth of that. Nobody sees the difference.
 */
const PIECE_MILLISECONDS = 25;

/** A thought's text on its way: the first of it at once, then in pieces of some tokens. */
export class TextPieces {
  readonly #clock: Clock;
  readonly #send: (text: string) => void;
  #held = "";
  #sentAt = -Infinity;
  #isWaiting = false;

  constructor(clock: Clock, send: (text: string) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Sends it, at once or soon. */
  add(text: string): void {
    this.#held += text;
    if (this.#isWaiting) return;
    const milliseconds = this.#sentAt + PIECE_MILLISECONDS - this.#clock.now();
    if (milliseconds <= 0) return this.flush();
    this.#isWaiting = true;
    this.#clock.sleep(milliseconds).then(() => {
      this.#isWaiting = false;
      this.flush();
    });
  }

  /** Sends what is held back, if there is anything. */
  flush(): void {
    if (this.#held === "") return;
    const text = this.#held;
    this.#held = "";
    this.#sentAt = this.#clock.now();
    this.#send(text);
  }
}
