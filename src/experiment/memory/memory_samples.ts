import type { Jar } from "../jar/jar.ts";
import type { RunState } from "../run_state.ts";
import type { MemorySample } from "./memory_sample.ts";
import { sampleMemory } from "./sample_memory.ts";

/** Between two samples, however much happens: ten a second is more than anybody sees. */
const LEAST_MILLISECONDS = 100;

/** What samples are made of, and who hears them. */
interface MemorySamplesOptions {
  readonly jars: readonly Jar[];
  readonly run: RunState;
  /** Absent: nobody does, and none is made. */
  readonly tell: ((sample: MemorySample) => void) | undefined;
  /** The run is over. */
  readonly done: AbortSignal;
}

/** Tells what memory looks like: at once, and where much happens the last of it a little later. */
export class MemorySamples {
  readonly #options: MemorySamplesOptions;
  #toldAt = -Infinity;
  #isWaiting = false;

  constructor(options: MemorySamplesOptions) {
    this.#options = options;
  }

  /** Something has changed. Never throws. */
  changed(): void {
    const { tell, run: { clock }, done } = this.#options;
    if (tell === undefined || this.#isWaiting || done.aborted) return;
    const left = this.#toldAt + LEAST_MILLISECONDS - clock.now();
    if (left <= 0) return this.#tellNow();
    this.#isWaiting = true;
    clock.sleep(left, done).then(() => {
      this.#isWaiting = false;
      this.#tellNow();
    });
  }

  #tellNow(): void {
    const { jars, run, tell, done } = this.#options;
    if (done.aborted) return;
    this.#toldAt = run.clock.now();
    tell?.(sampleMemory(jars, run));
  }
}
