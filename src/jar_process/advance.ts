import { type Clock, settlesWithin } from "../experiment/clock.ts";
import type { JarAnswer } from "../report/schema/jar.ts";
import { stoppedFor } from "./signs_of_life.ts";

/** A load that gets on by less hasn't: so its whole time has a bound, however slow a disk is. */
const LEAST_FRACTION = 0.001;

/** Whether a jar that is let in elsewhere gets on: signs of life alone are none. */
export class Advance {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  #at: number;
  #fraction = 0;

  /** @param milliseconds how long it may stand still */
  constructor(clock: Clock, milliseconds: number) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
    this.#at = clock.now();
  }

  /** It has answered this. */
  hear(answer: JarAnswer): void {
    if (answer.answer === "loading") {
      const fraction = Math.min(1, answer.fraction);
      if (fraction < this.#fraction + LEAST_FRACTION) return;
      this.#fraction = fraction;
    } else if (answer.answer !== "admitted") return;
    this.#at = this.#clock.now();
  }

  /** Whether `work` settles before it has stood still for too long. */
  async settles(work: Promise<unknown>): Promise<boolean> {
    for (;;) {
      const wakesAt = this.#at + this.#milliseconds;
      const left = wakesAt - this.#clock.now();
      if (left <= 0) return false;
      if (await settlesWithin(work, left, this.#clock)) return true;
      if (stoppedFor(this.#clock, wakesAt) > 0) this.#at = this.#clock.now();
    }
  }
}
