import { rounded } from "../clock.ts";
import type { JarEventBody } from "../events.ts";

/** A life as the event of its death tells it. */
export type EndedLife = Extract<JarEventBody, { readonly event: "death" }>["life"];

/**
 * Turns of a life that is in its `turn`th of the run now; before the first turn is no turn.
 *
 * @example
 * ```ts
 * import { turnsOfLife } from "./life.ts";
 * if (turnsOfLife(0, 3) !== 3 || turnsOfLife(3, 3) !== 1) throw new Error("Its own turns");
 * ```
 */
export function turnsOfLife(bornTurn: number, turn: number): number {
  return turn - Math.max(1, bornTurn) + 1;
}

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
      turns: turnsOfLife(this.#bornTurn, turn),
      thoughts: this.#thoughts,
      tokens: this.#tokens,
      milliseconds: rounded(now - this.#bornAt),
    };
  }
}
