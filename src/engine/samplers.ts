import {
  CANDIDATE_BYTES,
  SAMPLER_BYTES_LEFT_ALONE,
  SAMPLERS_BETWEEN_COLLECTIONS,
} from "../footprint/prompt_steps.ts";
import { collectGarbage } from "./collect_garbage.ts";

/** Samplers of one model that V8 has yet to free (see `CANDIDATE_BYTES`). */
export class Samplers {
  #left = 0;

  constructor(readonly vocabularySize: number) {}

  /** One more was made and is done with; has V8 collect when enough of them lie about. */
  leave(): void {
    this.#left++;
    const bytes = this.#left * this.vocabularySize * CANDIDATE_BYTES;
    if (this.#left < SAMPLERS_BETWEEN_COLLECTIONS || bytes < SAMPLER_BYTES_LEFT_ALONE) return;
    collectGarbage();
    this.#left = 0;
  }
}
