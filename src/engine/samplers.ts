import {
  CANDIDATE_BYTES,
  SAMPLER_BYTES_LEFT_ALONE,
  SAMPLERS_BETWEEN_COLLECTIONS,
} from "../footprint/prompt_steps.ts";
import { collectGarbage, HeapGrowth } from "./collect_garbage.ts";

/** Samplers of one model that V8 has yet to free (see `CANDIDATE_BYTES`). */
export class Samplers {
  #left = 0;
  readonly #heap = new HeapGrowth();

  constructor(readonly vocabularySize: number) {}

  /**
   * One more was made and is done with; has V8 collect when enough of them lie about, or enough of
   * JavaScript's own.
   */
  leave(): void {
    this.#left++;
    const bytes = this.#left * this.vocabularySize * CANDIDATE_BYTES;
    const enough = this.#left >= SAMPLERS_BETWEEN_COLLECTIONS && bytes >= SAMPLER_BYTES_LEFT_ALONE;
    if (enough) collectGarbage();
    else if (!this.#heap.collectIfLarge()) return;
    this.#left = 0;
  }
}
