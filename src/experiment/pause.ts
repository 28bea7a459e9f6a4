/**
 * Whether thoughts may begin.
 *
 * @example
 * ```ts
 * import { Pause } from "./pause.ts";
 * const pause = new Pause();
 * pause.begin();
 * const over = pause.over();
 * pause.end();
 * await over;
 * if (pause.isPaused) throw new Error("It went on");
 * ```
 */
export class Pause {
  #pausing: PromiseWithResolvers<void> | undefined;

  get isPaused(): boolean {
    return this.#pausing !== undefined;
  }

  /** Whether it wasn't paused before. */
  begin(): boolean {
    if (this.#pausing) return false;
    this.#pausing = Promise.withResolvers();
    return true;
  }

  end(): void {
    this.#pausing?.resolve();
    this.#pausing = undefined;
  }

  /** Resolves when it isn't paused. */
  over(): Promise<void> {
    return this.#pausing?.promise ?? Promise.resolve();
  }
}
