import { rounded } from "../clock.ts";
import type { JarEventBody } from "../events.ts";

/** A life as the event of its death tells it. */
type EndedLife = Extract<JarEventBody, { readonly event: "death" }>["life"];

/** One life of a jar, from a birth on. */
export class Life {
  readonly #bornAt: number;
  readonly #bornTurn: number;
  #thoughts = 0;
  #tokens = 0;

  /** @param bornAt by the clock, in milliseconds; `bornTurn` is 0 before the first turn */
  constructor(bornAt: number, bornTurn: number) {
    this.#bornAt = bornAt;
    this.#bornTurn = bornTurn;
  }

  /** It thought so many tokens. */
  thought(tokens: number): void {
    this.#thoughts++;
    this.#tokens += tokens;
  }

  /** What it was, where it ends now. */
  endedAt(now: number, turn: number): EndedLife {
    return {
      // Before the first turn is no turn.
      turns: turn - Math.max(1, this.#bornTurn) + 1,
      thoughts: this.#thoughts,
      tokens: this.#tokens,
      milliseconds: rounded(now - this.#bornAt),
    };
  }
}
