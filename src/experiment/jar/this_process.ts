import type { DeallocationResult, PoolDeallocation } from "../../budget/allocation.ts";
import type { Mind } from "../../engine/engine.ts";
import type { JarConfig } from "../config.ts";
import { freedInTime } from "../freed_in_time.ts";
import { markThinking } from "../memory/on_devices.ts";
import { deallocate } from "../memory/reservations.ts";
import type { RunState } from "../run_state.ts";
import { admit } from "./admission.ts";
import type { ModelReference } from "./model_pool.ts";
import type { Entrance, Figures } from "./entrance.ts";
import type { JarPlace } from "./place.ts";

/** A mind in this process, on a model that other jars here may share. */
export class ThisProcess implements JarPlace {
  readonly isHere = true;
  readonly isUp = true;
  readonly #config: JarConfig;
  readonly #run: RunState;
  #mind: Mind | undefined;
  #model: ModelReference | undefined;
  /** The model kept over a death that is expected to be short. */
  #kept: ModelReference | undefined;

  constructor(config: JarConfig, run: RunState) {
    this.#config = config;
    this.#run = run;
  }

  async enter(onApproved?: (figures: Figures) => void): Promise<Entrance> {
    const kept = this.#kept;
    this.#kept = undefined;
    const admission = await admit(this.#config, this.#run, kept, onApproved);
    if (admission.kind === "admitted") {
      this.#mind = admission.mind;
      this.#model = admission.model;
    } else if (kept) await freedInTime(kept.release(), this.#run);
    return admission;
  }

  async beginThought(): Promise<() => Promise<void>> {
    const before = await this.#run.memory.ownAnonymousBytes();
    markThinking(this.#config.demand.id, this.#run);
    return () => this.#markGrowth(before);
  }

  async free(rest: Promise<void>, keepsModel: boolean): Promise<void> {
    const [mind, model] = [this.#mind, this.#model];
    if (mind === undefined || model === undefined) return;
    this.#mind = undefined;
    this.#model = undefined;
    if (keepsModel) this.#kept = model;
    const freed = rest.then(() => mind.dispose());
    model.until(freed);
    // To the end, also where the first of them fails: the model goes all the same.
    const ends = await Promise.allSettled([freed, ...(keepsModel ? [] : [model.release()])]);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async giveBack(): Promise<DeallocationResult> {
    return await deallocate(this.#run, this.#config.demand.id);
  }

  async close(): Promise<readonly PoolDeallocation[]> {
    const kept = this.#kept;
    this.#kept = undefined;
    await kept?.release();
    return [];
  }

  /** Buffers become resident with use: what grew while it thought is unfilled no more. */
  async #markGrowth(before: number | undefined): Promise<void> {
    const after = await this.#run.memory.ownAnonymousBytes();
    if (before === undefined || after === undefined || after <= before) return;
    this.#run.manager.markGrowth(this.#config.demand.id, after - before, after);
  }
}
