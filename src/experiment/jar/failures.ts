import { type RunLimits, triesLater } from "../limits.ts";

/** Failures in a row of a jar's engine, or of what starts its process, and what they lead to. */
export class Failures {
  readonly #isHere: boolean;
  readonly #limits: RunLimits;
  #inARow = 0;
  #hasLived = false;

  /** @param isHere whether its jar lives in the run's process */
  constructor(isHere: boolean, limits: RunLimits) {
    this.#isHere = isHere;
    this.#limits = limits;
  }

  /** One more. */
  count(): void {
    this.#inARow++;
  }

  /** It thought: the next is the first again. */
  forget(): void {
    this.#inARow = 0;
  }

  /** It has come to life. */
  lived(): void {
    this.#hasLived = true;
  }

  /** Who starts processes is asked less often the more often it came to nothing. In milliseconds. */
  later(milliseconds: number): number {
    return this.#isHere ? milliseconds : triesLater(milliseconds, this.#inARow);
  }

  /** Why its jar is given up, in words; nothing as long as it is worth another try. */
  whyHopeless(id: string): string | undefined {
    const { engineFailuresInARow, processFailuresInARow } = this.#limits;
    // What never lived holds up all others.
    const times = this.#isHere || !this.#hasLived ? engineFailuresInARow : processFailuresInARow;
    if (this.#inARow < times) return undefined;
    const what = this.#isHere ? "The engine failed" : "What starts processes failed";
    return `${what} '${id}' ${times} times in a row`;
  }
}
