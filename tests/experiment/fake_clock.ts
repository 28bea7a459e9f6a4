import { setImmediate } from "node:timers";
import type { Clock } from "../../src/experiment/clock.ts";

/** A loop that never waits for anything must get on all the same. */
const LEAST_MILLISECONDS = 5;

interface Sleeper {
  readonly at: number;
  readonly order: number;
  wake(): void;
}

/**
 * Time that passes only when nobody has anything else to do: it jumps to the next sleeper's moment.
 * A minute takes no time, and the same calls always happen in the same order.
 */
export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  #ticking = false;
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return this.#now;
  }

  /** How many wait for a moment to come. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper: Sleeper = {
        at: this.#now + Math.max(milliseconds, LEAST_MILLISECONDS),
        order: this.#order++,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", sleeper.wake);
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      const [next] = [...this.#sleepers].toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (!next) return;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      if (this.#sleepers.size > 0) this.#tick();
    });
  }
}
