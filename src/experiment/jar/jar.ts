import { lineOf } from "../../budget/error.ts";
import type { PoolDeallocation } from "../../budget/allocation.ts";
import { defined } from "../../budget/defined.ts";
import type { Role } from "../../budget/demand.ts";
import { requiredBytes } from "../../budget/required.ts";
import type { Mind, Prompt, Thought } from "../../engine/engine.ts";
import type { JarConfig } from "../config.ts";
import { CAUSE_MESSAGES, type Death, type DeathCause, PROCESS_FAILURES } from "./death_cause.ts";
import type { EndEvent, JarEventBody, RunEvent } from "../events.ts";
import { Failures } from "./failures.ts";
import type { JarState } from "./jar_state.ts";
import { retryAfter } from "../limits.ts";
import { type EndedLife, Life } from "./life.ts";
import { freedInTime } from "../freed_in_time.ts";
import { rounded } from "../clock.ts";
import { promptText, type VitalSigns } from "../prompts/compose.ts";
import type { SampledJar } from "../memory/memory_sample.ts";
import type { RolePrompt } from "../prompts/prompt_file.ts";
import { thoughtSeed } from "../thought_seed.ts";
import { type Entrance, figuresOf, type Refusal, warningOf } from "./entrance.ts";
import type { JarPlace, PlaceOf } from "./place.ts";
import { thinkWatched } from "./think_watched.ts";
import { ThisProcess } from "./this_process.ts";
import type { RunState } from "../run_state.ts";

/** One running instance: its life from admission through deaths to its end, wherever it lives. */
export class Jar {
  readonly config: JarConfig;
  /**
   * What it is told instead of the built-in prompt: a new one's lines from its next turn on, its
   * system message from its next life on.
   */
  prompt: RolePrompt | undefined;
  readonly #run: RunState;
  readonly #place: JarPlace;
  #state: JarState = { kind: "unborn" };
  /** Resolves when nothing is left of an admission that the run's stop cut short. */
  #rest = Promise.resolve();
  #deaths = 0;
  #lastCause: DeathCause | undefined;
  readonly #failures: Failures;
  #lastRefusal: string | undefined;
  #fresh = true;
  #life = new Life(0, 0);

  /** @param placeOf where it lives; in this process unless told otherwise */
  constructor(config: JarConfig, run: RunState, placeOf?: PlaceOf) {
    this.config = config;
    this.prompt = config.prompt;
    this.#run = run;
    this.#place = placeOf?.(config, run, {
      kill: (death) => void this.kill(death),
      lost: (death) => void this.#lost(death),
      warn: (code, message) => this.#warn(code, message),
    }) ?? new ThisProcess(config, run);
    this.#failures = new Failures(this.isHere, run.limits);
  }

  /** Whether it takes memory of this process. */
  get isHere(): boolean {
    return this.#place.isHere;
  }

  /** What of it is reserved and in memory, and of its process, where it isn't here; absent where it is. */
  get sampled(): Omit<SampledJar, "id"> | undefined {
    return this.#place.sampled?.();
  }

  get id(): string {
    return this.config.demand.id;
  }

  get role(): Role {
    return this.config.demand.role;
  }

  get state(): JarState {
    return this.#state;
  }

  get deaths(): number {
    return this.#deaths;
  }

  get lastCause(): DeathCause | undefined {
    return this.#lastCause;
  }

  /** Whether this mind has thought nothing yet. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Tokens that its chat template adds to the next prompt. */
  get templateTokens(): number {
    return this.#state.kind === "alive" ? this.#state.mind.templateTokens : 0;
  }

  /** What it and others are told of it; nothing here is measured (see {@link VitalSigns}). */
  get vitals(): VitalSigns {
    const state = this.#state;
    return {
      memoryBytes: requiredBytes(this.config.demand, this.#run.policy.criterion),
      tokensUsed: state.kind === "alive" ? state.mind.tokensUsed : 0,
      contextSize: this.config.options.contextSize,
      deaths: this.#deaths,
      alive: state.kind === "alive",
    };
  }

  /**
   * Has its process started ahead of its turn, where it may have to wait for that. Answers whether there
   * is one to be let in; never rejects.
   */
  prepare(): Promise<boolean> {
    return this.#place.prepare?.() ?? Promise.resolve(true);
  }

  /**
   * Layers 2 and 3, the model, the context: `allocated` and `loaded`, or a refusal. A process that ends
   * meanwhile is a death: it is brought back before anybody thinks.
   */
  async enter(): Promise<Refusal | undefined> {
    this.#state = { kind: "admitting" };
    const admission = await this.#place.enter((approval) => {
      this.#emit({ event: "allocated", ...figuresOf(approval) });
    });
    if (admission.kind === "refused" && admission.death !== undefined) {
      await this.#lostProcess(admission.death);
      return await this.#enterAgain(admission);
    }
    if (admission.kind !== "admitted") {
      this.#state = { kind: "gone" };
      if (admission.kind === "aborted") this.#rest = admission.rest;
      else this.#emit(warningOf(admission));
      return admission.kind === "refused" ? admission : undefined;
    }
    this.#live(admission);
    this.#emit({
      event: "loaded",
      model: this.config.demand.model,
      contextSize: admission.mind.contextSize,
      shared: admission.shared,
      ...admission.approval.where,
      milliseconds: rounded(admission.milliseconds),
    });
  }

  /** Until it lives, is refused, is given up or the run is stopped. */
  async #enterAgain(first: Refusal): Promise<Refusal | undefined> {
    const { clock, stop } = this.#run;
    let refusal = first;
    for (;;) {
      const dead = this.#state;
      if (dead.kind !== "dead") return dead.kind === "gone" ? refusal : undefined;
      await clock.sleep(Math.max(0, dead.retryAt - clock.now()), stop);
      if (stop.aborted) return undefined;
      this.#state = { kind: "admitting" };
      const refused = await this.#bringBack(dead);
      if (refused === undefined) continue;
      refusal = refused;
      if (refused.death !== undefined) continue;
      this.#state = { kind: "gone" };
      return refused;
    }
  }

  /**
   * Brings a dead jar back through layers 2 and 3, if its time has come and they let it. A process that
   * has to be started somewhere isn't waited for: a scheduler may take its time, and the others go on.
   */
  async resurrect(): Promise<void> {
    const dead = this.#state;
    if (dead.kind !== "dead" || this.#run.clock.now() < dead.retryAt) return;
    if (this.#place.isUp) {
      this.#state = { kind: "admitting" };
      await this.#bringBack(dead);
      return;
    }
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#state = { kind: "admitting", done };
    this.#bringBack(dead).finally(resolve);
  }

  async #bringBack(dead: Extract<JarState, { kind: "dead" }>): Promise<Refusal | undefined> {
    const { clock, limits } = this.#run;
    const admission = await this.#place.enter();
    // The run ended meanwhile, and with it all that the place had.
    if (this.#state.kind === "gone") {
      if (admission.kind === "aborted") await admission.rest;
      return undefined;
    }
    if (admission.kind === "admitted") {
      this.#lastRefusal = undefined;
      this.#live(admission);
      const milliseconds = rounded(admission.milliseconds);
      const { cause } = dead;
      const deaths = this.#deaths;
      const message = CAUSE_MESSAGES[cause];
      const told = { event: "resurrection", deaths, cause, message, milliseconds } as const;
      this.#emit({ ...told, ...figuresOf(admission.approval) });
      return undefined;
    }
    if (admission.kind === "refused" && admission.death !== undefined) {
      await this.#lostProcess(admission.death);
      return admission;
    }
    this.#state = {
      ...dead,
      retryAt: clock.now() + this.#failures.later(limits.retryMilliseconds),
    };
    if (admission.kind === "refused") {
      this.#refused(admission);
      return admission;
    }
    this.#rest = admission.rest;
    return undefined;
  }

  /** Continues its context with `prompt`. `undefined` where no thought came of it. */
  async think(prompt: Prompt): Promise<Thought | undefined> {
    const alive = this.#state;
    if (alive.kind !== "alive") return undefined;
    const { sampling, stop, turn } = this.#run;
    const seed = thoughtSeed(sampling.seed, this.id, turn);
    const thinking = new AbortController();
    const stopped = () => thinking.abort(stop.reason);
    if (stop.aborted) stopped();
    else stop.addEventListener("abort", stopped);
    alive.thinking = thinking;
    const endThought = await this.#place.beginThought();

    const { outcome, said } = await thinkWatched(alive.mind, prompt, {
      run: this.#run,
      sampling: { ...sampling, ...this.config.sampling, seed },
      signal: thinking.signal,
      onText: (text) => this.#run.onText(this.id, text),
    });
    stop.removeEventListener("abort", stopped);
    if (outcome.kind === "stalled" || outcome.kind === "aborted") alive.rest = outcome.rest;

    const thought = outcome.kind === "done" && said.stop !== "aborted" ? said : undefined;
    await endThought();
    delete alive.thinking;
    // A prompt that found no room left is a death, not a thought; nor is one that was cut off before
    // its first word. What was said before that is told.
    const thoughtless = said.tokens === 0 && said.stop !== "length" && said.stop !== "end";
    if (!thoughtless) this.#thought({ ...said, prompt: promptText(prompt), seed }, alive.mind);
    if (alive.killed) await this.#die(alive.killed);
    else if (outcome.kind === "failed") await this.#fail("engine-failed", outcome.error);
    else if (outcome.kind === "stalled") await this.#fail("engine-stalled", undefined);
    else if (thought?.stop === "context-full") await this.#die({ cause: "context-full" });
    return thoughtless ? undefined : thought;
  }

  /** Kills it before the kernel does: now, or in the middle of its thought. */
  async kill(death: Death): Promise<void> {
    const state = this.#state;
    if (state.kind !== "alive" || state.killed) return;
    if (!state.thinking) return await this.#die(death);
    state.killed = death;
    state.thinking.abort(new Error(death.detail));
  }

  /** Its process ended: it dies of that, and once more where it was dead or dying already. */
  async #lost(death: Death): Promise<void> {
    if (this.#state.kind === "alive") return await this.kill(death);
    if (this.#state.kind === "dying") await this.#state.done;
    if (this.#state.kind === "dead") await this.#lostProcess(death);
  }

  /**
   * The run is over: frees everything. A reservation in this process is the caller's to give back; what
   * was given back elsewhere is answered.
   */
  async close(): Promise<readonly PoolDeallocation[]> {
    const state = this.#state;
    if (state.kind === "dying") await state.done;
    this.#state = { kind: "gone" };
    let given: readonly PoolDeallocation[] = [];
    try {
      if (state.kind === "alive") await this.#place.free(state.rest, false);
    } finally {
      given = await this.#place.close();
      if (state.kind === "admitting") await state.done;
      await this.#rest;
    }
    return given;
  }

  #live({ mind }: Extract<Entrance, { kind: "admitted" }>): void {
    this.#fresh = true;
    this.#failures.lived();
    const { clock, turn } = this.#run;
    this.#life = new Life(clock.now(), turn);
    this.#state = { kind: "alive", mind, rest: Promise.resolve() };
  }

  #thought(
    { text, promptTokens, tokens, stop, prompt, seed, milliseconds }: SeededThought,
    mind: Mind,
  ): void {
    this.#fresh = false;
    this.#life.thought(tokens);
    if (tokens > 0 && stop !== "aborted") this.#failures.forget();
    const context = { contextTokens: mind.tokensUsed, contextSize: mind.contextSize };
    const told = { text, promptTokens, tokens, stop, ...context, seed, prompt };
    this.#emit({ event: "thought", ...told, milliseconds: rounded(milliseconds) });
  }

  async #fail(cause: "engine-failed" | "engine-stalled", error: unknown): Promise<void> {
    this.#failures.count();
    await this.#die({ cause, ...(error === undefined ? {} : { detail: lineOf(error) }) });
  }

  async #die(death: Death): Promise<void> {
    const alive = this.#state;
    if (alive.kind !== "alive") return;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#state = { kind: "dying", done };
    this.#count(death);
    const { clock, turn } = this.#run;
    const life = this.#life.endedAt(clock.now(), turn);
    const freed = await freedInTime(
      this.#place.free(alive.rest, isGoneWithItsMind(death)).catch((error) =>
        this.#warn("dispose-failed", lineOf(error))
      ),
      this.#run,
    );
    if (!freed) this.#warn("engine-unsettled", `The engine still holds memory of '${this.id}'`);
    await this.#dead(death, life, resolve);
  }

  #count({ cause }: Death): void {
    this.#deaths++;
    if (PROCESS_FAILURES.has(cause)) this.#failures.count();
    this.#lastCause = cause;
  }

  /** Its process ended while it didn't live. */
  async #lostProcess(death: Death): Promise<void> {
    this.#count(death);
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#state = { kind: "dying", done };
    await this.#dead(death, { turns: 0, thoughts: 0, tokens: 0, milliseconds: 0 }, resolve);
  }

  /** It is dead: what it had is given back, and it comes back when its time has come. */
  async #dead(death: Death, life: EndedLife, resolve: () => void): Promise<void> {
    const { cause, detail, pool } = death;
    const { clock, limits } = this.#run;
    const given = await this.#place.giveBack();
    // The run ended meanwhile.
    if (this.#state.kind === "gone") return resolve();
    // The others wait one interval instead of dying in a tight loop.
    const atOnce = isGoneWithItsMind(death);
    this.#state = {
      kind: "dead",
      cause,
      retryAt: clock.now() + (atOnce ? 0 : this.#failures.later(retryAfter(cause, limits))),
    };
    resolve();
    this.#emit({
      event: "death",
      cause,
      ...defined({ pool }),
      message: CAUSE_MESSAGES[cause],
      deaths: this.#deaths,
      life,
      ...givenBack(given),
      pools: given.pools.map((pool) => ({ id: pool.id, ...givenBack(pool) })),
      ...defined({ detail }),
    });
    this.#giveUpIfHopeless();
  }

  #refused(refusal: Refusal): void {
    if (refusal.blame !== "refused") this.#failures.count();
    // Tried again every few seconds: said once for each reason.
    const { code, message, allocation } = refusal;
    const reason = allocation === undefined ? code : message;
    if (reason !== this.#lastRefusal) this.#emit(warningOf(refusal));
    this.#lastRefusal = reason;
    this.#giveUpIfHopeless();
  }

  #giveUpIfHopeless(): void {
    const why = this.#failures.whyHopeless(this.id);
    if (why === undefined || this.#state.kind !== "dead") return;
    this.#state = { kind: "gone" };
    this.#warn("jar-given-up", why);
  }

  #warn(code: string, message: string): void {
    this.#emit({ event: "warning", code, message });
  }

  #emit(body: JarEventBody): void {
    const { id, role } = this;
    const { event, ...rest } = body;
    // In this order, because it is the order of the keys in the JSON line.
    this.#run.emit(
      { event, id, role, turn: this.#run.turn, ...rest } as Exclude<RunEvent, EndEvent>,
    );
  }
}

/** A thought with what it came of. */
type SeededThought = Thought & { readonly prompt: string; readonly seed: number };

/** A full context is gone with the mind that filled it; every other cause may still be there. */
function isGoneWithItsMind({ cause }: Death): boolean {
  return cause === "context-full";
}

function givenBack({ givenBackBytes, totalBytes }: Omit<PoolDeallocation, "id">) {
  return { givenBackBytes, reservedBytes: totalBytes };
}
