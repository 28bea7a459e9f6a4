import type { PoolDeallocation } from "../../budget/allocation.ts";
import { defined } from "../../budget/defined.ts";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import type { Mind } from "../../engine/engine.ts";
import type { Death } from "../../experiment/jar/death_cause.ts";
import type { JarPlace } from "../../experiment/jar/place.ts";
import { watchMemory } from "../../experiment/memory/watch_memory.ts";
import { renewReservations } from "../../experiment/memory/renew_reservations.ts";
import type { JarConfig } from "../../experiment/config.ts";
import { type Clock, rounded, settlesWithin } from "../../experiment/clock.ts";
import type { RunState } from "../../experiment/run_state.ts";
import type { JarAnswer, JarRequest } from "../../report/schema/jar.ts";
import { TextPieces } from "./text_pieces.ts";
import { vitalsOf } from "./vitals.ts";

/** What `load` says of a jar. */
export type JarLoad = Extract<JarRequest, { readonly ask: "load" }>;

type Think = Extract<JarRequest, { readonly ask: "think" }>;

/** A jar that may be let in, with all that it lives with. */
export interface OpenedJar {
  readonly config: JarConfig;
  readonly place: JarPlace;
  readonly run: RunState;
}

/** Who a jar's process says that it is. */
export type Hello = Extract<JarAnswer, { readonly answer: "hello" }>;

/** Why a jar's process ends. */
export type Bye = Extract<JarAnswer, { readonly answer: "bye" }>["reason"];

/** What a jar's process serves with. */
export interface ServeOptions {
  /** Writes an answer's line, after those before it. */
  readonly answer: (answer: JarAnswer) => void;
  /** Who this process is. */
  readonly hello: Hello;
  /** Takes what was asked for, and opens what it needs; throws what is wrong with it. */
  readonly open: (load: JarLoad) => Promise<OpenedJar>;
  readonly clock: Clock;
  /** Fires when the process is to end; its reason is a `Bye`. */
  readonly stop: AbortController;
}

/**
 * What may wait to be done: a run asks for one thing after the other, and has it die meanwhile at most.
 */
const MOST_WAITING = 8;

/** A memory that has been short for less than this is the same shortage. */
const SAME_SHORTAGE_MILLISECONDS = 3_000;

/** Serves one jar: requests in, answers out, one operation after the other. */
export class JarServer {
  readonly #options: ServeOptions;
  #opened: OpenedJar | undefined;
  #mind: Mind | undefined;
  #thinking: AbortController | undefined;
  #waiting = 0;
  /** Resolves when all that was asked is done. */
  #last: Promise<void> = Promise.resolve();
  #isDying = false;
  #isMeasuring = false;
  #given: readonly PoolDeallocation[] = [];
  #patienceMilliseconds = 0;
  #shortage: { readonly since: number; last: number } | undefined;
  #askedAt: number;
  #isListening = false;
  readonly #done = new AbortController();
  readonly #watching: Promise<void>[] = [];

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#askedAt = options.clock.now();
  }

  /** Takes a request. Never throws: what can't be done is answered. */
  take(request: JarRequest): void {
    this.#askedAt = this.#options.clock.now();
    switch (request.ask) {
      case "hello":
        this.#listen(request.silenceMilliseconds);
        return this.#options.answer(this.#options.hello);
      case "load":
        return this.#asked(() => this.#load(request));
      case "resurrect":
        return this.#asked(() => this.#enter());
      case "think":
        return this.#asked(() => this.#think(request));
      case "stop":
        return this.#thinking?.abort();
      case "die":
        this.#thinking?.abort();
        return this.#asked(() => this.#die(request.keepsModel ?? false));
      case "vitals":
        return void this.#vitals();
      case "end":
        return this.#options.stop.abort("end" satisfies Bye);
    }
  }

  /** Frees all that there is, as far as the engine lets it in the time that it has. */
  async close(): Promise<void> {
    this.#thinking?.abort();
    this.#done.abort();
    const opened = this.#opened;
    if (opened === undefined) return;
    const { clock, limits } = opened.run;
    const milliseconds = limits.graceMilliseconds + limits.hurriedDisposalMilliseconds;
    await settlesWithin(this.#close(opened), milliseconds, clock);
  }

  async #close({ place }: OpenedJar): Promise<void> {
    await Promise.all(this.#watching);
    await this.#last;
    await place.free(Promise.resolve(), false).catch(() => {});
    await place.close();
    await place.giveBack();
  }

  #asked(operation: () => Promise<void>): void {
    if (this.#waiting < MOST_WAITING) return this.#then(operation);
    this.#failed(
      wrongOrder(`More than ${MOST_WAITING} requests wait for the one that is under way`),
    );
  }

  #then(operation: () => Promise<void>): void {
    this.#waiting++;
    const after = this.#last.then(operation).catch((error) => this.#failed(error)).finally(() =>
      this.#waiting--
    );
    this.#last = after;
  }

  #failed(error: unknown): void {
    // What is freed while it works fails: that it ends is what there is to say.
    if (this.#options.stop.signal.aborted) return;
    const { code, message, hint, kind: blame } = error instanceof BrainjarError
      ? error
      : new BrainjarError("internal", lineOf(error), { kind: "engine" });
    this.#options.answer({ answer: "failed", code, message, ...defined({ hint }), blame });
  }

  async #load(load: JarLoad): Promise<void> {
    if (this.#opened !== undefined) throw wrongOrder("This process has a jar already");
    let opened: OpenedJar;
    try {
      opened = await this.#options.open(load);
    } catch (error) {
      if (!(error instanceof BrainjarError)) throw error;
      const { code, message, hint, kind: blame } = error;
      this.#options.answer({ answer: "refused", code, message, ...defined({ hint }), blame });
      return;
    }
    this.#opened = opened;
    this.#patienceMilliseconds = load.patienceMilliseconds ?? 0;
    const { run, config } = opened;
    const stateOf = () => this.#isDying ? "dying" : this.#mind ? "alive" : "dead";
    const watched = {
      config,
      isHere: true,
      get state() {
        return { kind: stateOf() } as const;
      },
      kill: (death: Death) => this.#kill(death),
    };
    const watching = { done: this.#done.signal, looked: () => {} };
    this.#watching.push(
      watchMemory([watched], run, watching),
      renewReservations(run, this.#done.signal),
    );
    await this.#enter();
  }

  async #enter(): Promise<void> {
    const { answer } = this.#options;
    const { place } = this.#jar("brought to life");
    if (this.#mind !== undefined) throw wrongOrder("The jar is alive already");
    const entrance = await place.enter(({ allocation, preflight }) => {
      const { allocatedBytes, totalBytes, usableBytes, remainingBytes, pools } = allocation;
      const told = { allocatedBytes, totalBytes, usableBytes, remainingBytes, pools };
      answer({ answer: "admitted", allocation: told, preflight });
    });
    if (entrance.kind === "aborted") return;
    if (entrance.kind === "refused") {
      const { kind: _, ...refusal } = entrance;
      return answer({ answer: "refused", ...refusal });
    }
    const { mind, shared, milliseconds } = entrance;
    this.#mind = mind;
    const { contextSize, templateTokens } = mind;
    const told = { contextSize, templateTokens, shared, milliseconds: rounded(milliseconds) };
    answer({ answer: "loaded", ...told });
  }

  async #think({ prompt, sampling, turn }: Think): Promise<void> {
    const { answer, clock } = this.#options;
    const { place, run } = this.#jar("asked for a thought");
    const mind = this.#mind;
    if (mind === undefined) throw wrongOrder("The jar is dead: it can't think");
    if (turn !== undefined) run.turn = turn;
    const thinking = new AbortController();
    this.#thinking = thinking;
    const ended = await place.beginThought();
    const pieces = new TextPieces(clock, (text) => answer({ answer: "text", text }));
    const began = clock.now();
    try {
      const thought = await mind.think(prompt, {
        ...sampling,
        signal: thinking.signal,
        onText: (text) => pieces.add(text),
      }).finally(() => pieces.flush());
      const { text, promptTokens, tokens, stop } = thought;
      const milliseconds = rounded(clock.now() - began);
      const context = { contextTokens: mind.tokensUsed, templateTokens: mind.templateTokens };
      answer({ answer: "thought", text, promptTokens, tokens, stop, milliseconds, ...context });
    } finally {
      this.#thinking = undefined;
      await ended();
    }
  }

  /** The watch has it die. */
  #kill(death: Death): Promise<void> {
    if (this.#mind === undefined || this.#isDying || !this.#isItsTime(death)) {
      return Promise.resolve();
    }
    this.#isDying = true;
    const { cause, detail, pool } = death;
    this.#options.answer({ answer: "dying", cause, ...defined({ detail, pool }) });
    this.#thinking?.abort();
    this.#then(() => this.#die(false));
    return this.#last;
  }

  /** Where the machine's memory runs short, jars that are less important go first. */
  #isItsTime({ cause }: Death): boolean {
    if (cause !== "available-memory" && cause !== "device-memory") return true;
    const now = this.#options.clock.now();
    if (this.#shortage === undefined || now - this.#shortage.last > SAME_SHORTAGE_MILLISECONDS) {
      this.#shortage = { since: now, last: now };
    }
    this.#shortage.last = now;
    return now - this.#shortage.since >= this.#patienceMilliseconds;
  }

  /** Answers the same again where it is dead already. */
  async #die(keepsModel: boolean): Promise<void> {
    const { place } = this.#jar("asked to die");
    if (this.#mind !== undefined) {
      this.#mind = undefined;
      await place.free(Promise.resolve(), keepsModel).catch((error) =>
        this.#options.answer({
          answer: "warning",
          code: "dispose-failed",
          message: lineOf(error),
        })
      );
      this.#given = (await place.giveBack()).pools;
      this.#isDying = false;
    }
    this.#options.answer({ answer: "died", pools: this.#given });
  }

  /** One look at a time: it answers all who ask meanwhile. */
  async #vitals(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    const opened = this.#opened;
    const alive = this.#mind !== undefined;
    const contextTokens = this.#mind?.tokensUsed ?? 0;
    // Before there is a jar it is a sign of life, no more.
    const measured = opened === undefined
      ? { pools: [] }
      : await vitalsOf(opened.config, opened.run);
    this.#isMeasuring = false;
    this.#options.answer({ answer: "vitals", alive, contextTokens, ...measured });
  }

  /** Ends where nobody has asked for anything for so long: who would does so all the time. */
  async #listen(milliseconds: number | undefined): Promise<void> {
    const { clock, stop } = this.#options;
    if (milliseconds === undefined || this.#isListening) return;
    this.#isListening = true;
    while (!this.#done.signal.aborted) {
      const left = this.#askedAt + milliseconds - clock.now();
      if (left <= 0) return stop.abort("silence" satisfies Bye);
      const before = clock.now();
      await clock.sleep(Math.min(left, milliseconds / 4), this.#done.signal);
      // While this process itself was stopped nobody was heard.
      const late = clock.now() - before - left;
      if (late > milliseconds / 4) this.#askedAt += late;
    }
  }

  #jar(what: string): OpenedJar {
    if (this.#opened === undefined) throw wrongOrder(`There is no jar yet that could be ${what}`);
    return this.#opened;
  }
}

function wrongOrder(message: string): BrainjarError {
  return new BrainjarError("jar-order", message, {
    hint: "First load, then think; after a death resurrect",
  });
}
