import { boundedLines } from "../../src/jar_process/lines.ts";

/** Milliseconds between two looks at what no line tells. */
const LOOK_EVERY = 2;

/** A run (`--json`) whose lines are read as they come. */
export class FollowedRun<Line> {
  readonly events: Line[] = [];
  /** Resolves when all of them are read. */
  readonly reading: Promise<void>;
  readonly #woken = new Set<() => void>();
  #isOver = false;

  /** @param hear hears each line as it comes */
  constructor(protected readonly child: Deno.ChildProcess, hear: (line: Line) => void = () => {}) {
    this.reading = this.#read(hear);
  }

  /** Waits until something holds, looking at each new line; throws where the run ends before. */
  async until<Value>(look: () => Value | undefined | false, after?: number): Promise<Value> {
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (this.#isOver) {
        throw new Error(`The run ended: ${JSON.stringify(this.events.slice(after ?? -5))}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LOOK_EVERY);
      this.#woken.add(resolve);
      await promise;
      clearTimeout(timer);
      this.#woken.delete(resolve);
    }
  }

  async #read(hear: (line: Line) => void): Promise<void> {
    for await (const line of boundedLines(this.child.stdout)) {
      const event: Line = JSON.parse(line);
      this.events.push(event);
      hear(event);
      for (const wake of this.#woken) wake();
    }
    this.#isOver = true;
    for (const wake of this.#woken) wake();
  }
}

/** Lets time pass. */
export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
