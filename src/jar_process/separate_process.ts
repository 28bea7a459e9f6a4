import type { DeallocationResult, PoolDeallocation } from "../budget/allocation.ts";
import { defined } from "../budget/defined.ts";
import { BrainjarError, lineOf } from "../budget/error.ts";
import { figuresOfRam, RAM } from "../budget/pools/pools.ts";
import { settlesBefore, settlesWithin } from "../experiment/clock.ts";
import type { JarConfig } from "../experiment/config.ts";
import type { DeathCause } from "../experiment/jar/death_cause.ts";
import type {
  Entrance,
  Figures,
  Refusal,
  StartedAt,
  Whereabouts,
} from "../experiment/jar/entrance.ts";
import type { JarPlace, PlacedJar, PlaceRun } from "../experiment/jar/place.ts";
import type { SampledJar } from "../experiment/memory/memory_sample.ts";
import { Advance } from "./advance.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import type { JarAnswer } from "../report/schema/jar.ts";
import { type JarChild, JarLink } from "./jar_link.ts";
import { loadOf } from "./load_request.ts";
import { endedEarly, stoodStill } from "./ended_early.ts";
import { greet } from "./greet.ts";
import { LastSeen } from "./last_seen.ts";
import { keepAsking } from "./signs_of_life.ts";
import { deathBy, type ProcessEnd } from "./process_end.ts";
import { RemoteMind } from "./remote_mind.ts";
import type { Hello } from "./inside/serve_jar.ts";
import type { HearWait } from "./watch_start.ts";

/** How a jar's process is started. */
export interface JarStart {
  /**
   * Starts it, on another machine than the one that is to be avoided, if there is such a choice. Throws
   * a BrainjarError where that can't be done.
   */
  readonly launch: (avoid: string | undefined) => JarChild;
  /** What starts it, for people: `slurm`. */
  readonly launcher: string;
  /**
   * Whether what it starts takes this machine's memory, wherever it says that it is. Else it is started
   * before its jar's turn comes: it may have to wait for room, and takes nothing meanwhile that nobody
   * here has reserved yet.
   */
  readonly startsHere: boolean;
  /** brainjar's own version: the other side must have the same. */
  readonly version: string;
  /** The processor that the jar was planned for; absent where it is planned for any. */
  readonly cpu?: CpuFeatures;
  /** How long it may take from the start to its first line; a scheduler may have to find room. */
  readonly startMilliseconds: number;
  /** What it is held to by its launcher, in bytes; absent where it isn't. */
  readonly limitBytes?: number;
  /** How long it waits for less important jars to go first. */
  readonly patienceMilliseconds: number;
  /** Where the run itself is. */
  readonly own: Whereabouts;
  /** Hears how long a start takes. */
  readonly hearWait?: HearWait;
}

/** What a jar dies of whose machine may be lost. */
const LOST: ReadonlySet<DeathCause> = new Set(["node-failed", "silent"]);

/** How long another machine than a lost one is waited for; then the lost one may be there again. */
const ELSEWHERE_MILLISECONDS = 60_000;

/** A mind in a process of its own, wherever a launcher starts it. */
export class SeparateProcess implements JarPlace {
  readonly isHere = false;
  readonly #config: JarConfig;
  readonly #run: PlaceRun;
  readonly #jar: PlacedJar;
  readonly #start: JarStart;
  #link: JarLink | undefined;
  /** Its process, started ahead of its jar's turn. */
  #ahead: Promise<JarLink> | undefined;
  #mind: RemoteMind | undefined;
  #hello: PromiseWithResolvers<Hello | ProcessEnd> | undefined;
  #entrance: PromiseWithResolvers<Entrance> | undefined;
  #advance: Advance | undefined;
  /** Where its process is that has said hello; absent while one is started. */
  #where: StartedAt | undefined;
  readonly #seen = new LastSeen();
  /** The machine that it is or was on. */
  #host: string | undefined;
  /** The machine that its next process isn't to be on. */
  #avoid: string | undefined;
  #onApproved: ((figures: Figures) => void) | undefined;
  #approval: Figures | undefined;
  #died: PromiseWithResolvers<readonly PoolDeallocation[]> | undefined;
  /** What was given back and nobody was told yet. */
  #given: readonly PoolDeallocation[] = [];
  /** How its last process ended, until there is another. */
  #end: ProcessEnd | undefined;
  /** Resolves when nothing of its last process is left. */
  #gone = Promise.resolve();
  /** Whether its launcher has ever started it. */
  #wasUp = false;

  constructor(config: JarConfig, run: PlaceRun, jar: PlacedJar, start: JarStart) {
    this.#config = config;
    this.#run = run;
    this.#jar = jar;
    this.#start = start;
  }

  get isUp(): boolean {
    return this.#link !== undefined && !this.#link.isOver;
  }

  async prepare(): Promise<boolean> {
    if (this.#start.startsHere) return true;
    this.#ahead = this.#open();
    // What ended it by force may be over: that is a death when its turn comes.
    return await this.#ahead.then(
      () => true,
      (error) => this.#refusalOf(error).death !== undefined,
    );
  }

  async enter(onApproved: (figures: Figures) => void = () => {}): Promise<Entrance> {
    const { stop } = this.#run;
    this.#onApproved = onApproved;
    this.#approval = undefined;
    const entering = this.#enter().catch((error): Refusal => this.#refusalOf(error));
    if (await settlesBefore(entering, stop)) return await entering;
    return { kind: "aborted", rest: entering.then(() => this.#leave()) };
  }

  async #enter(): Promise<Entrance> {
    const { clock, limits } = this.#run;
    const { id } = this.#config.demand;
    const { launcher } = this.#start;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const isNew = this.#link === undefined || ahead !== undefined;
    const link = await ahead ?? this.#link ?? await this.#open();
    // It was there, and didn't live to see its turn.
    if (this.#end !== undefined) throw endedEarly(id, launcher, this.#end);
    const entering = this.#entrance = Promise.withResolvers<Entrance>();
    // Its own watchdog comes first.
    const milliseconds = limits.stallMilliseconds * 2;
    this.#advance = new Advance(clock, milliseconds);
    if (isNew) link.send(loadOf(this.#config, this.#run, this.#start));
    else link.send({ ask: "resurrect" });
    const isSettled = await this.#advance.settles(entering.promise);
    if (!isSettled) await this.#leave();
    this.#entrance = undefined;
    this.#advance = undefined;
    if (!isSettled) throw stoodStill(id, launcher, milliseconds);
    const entrance = await entering.promise;
    // What isn't right there may be right where the next one is started.
    if (entrance.kind === "refused" && entrance.blame !== "refused") await this.#leave();
    return entrance;
  }

  /** Starts a process, and waits until it has said who it is. */
  async #open(): Promise<JarLink> {
    const { clock, limits } = this.#run;
    const { launch, launcher, version, startMilliseconds } = this.#start;
    const { id } = this.#config.demand;
    this.#hello = Promise.withResolvers();
    this.#end = undefined;
    this.#where = undefined;
    const avoid = this.#avoid;
    this.#avoid = undefined;
    const child = launch(avoid);
    const link = new JarLink({
      child,
      clock,
      hear: (answer) => this.#hear(answer),
      ended: (end) => this.#ended(link, end),
    });
    this.#link = link;
    this.#gone = link.isGone;
    // Some launchers connect only when its first line is gone (kubectl run, docker attach).
    const { silenceMilliseconds } = limits;
    link.send({ ask: "hello", silenceMilliseconds });
    const hello = await greet({
      id,
      launcher,
      version,
      clock,
      milliseconds: avoid === undefined
        ? startMilliseconds
        : Math.min(startMilliseconds, ELSEWHERE_MILLISECONDS),
      hello: this.#hello.promise,
      said: () => link.said,
      askQueue: child.askQueue,
      tell: (code, message) => this.#jar.warn(code, message),
      hearWait: this.#start.hearWait,
    }).catch(async (error) => {
      this.#hello = undefined;
      await this.#leave();
      throw error;
    });
    this.#hello = undefined;
    this.#wasUp = true;
    const { host, job } = hello;
    this.#host = host;
    const { own } = this.#start;
    const isOwn = host === own.host && job === own.job;
    const where = isOwn ? {} : { host, ...defined({ job }) };
    this.#where = { launcher, ...where };
    const isHere = this.#start.startsHere || host === own.host;
    this.#seen.greeted({ ...where, isHere });
    keepAsking(link, this.#run);
    return link;
  }

  beginThought(): Promise<() => Promise<void>> {
    // It ended before the jar knew that it lives.
    if (this.#end !== undefined) this.#jar.lost(deathBy(this.#end));
    return Promise.resolve(() => Promise.resolve());
  }

  async free(_rest: Promise<void>, keepsModel: boolean): Promise<void> {
    const link = this.#link;
    this.#mind = undefined;
    if (link === undefined || link.isOver) return this.#lost();
    const died = this.#died = Promise.withResolvers();
    link.send({ ask: "die", keepsModel });
    const { clock, limits, stop } = this.#run;
    const milliseconds = stop.aborted
      ? limits.hurriedDisposalMilliseconds
      : limits.disposalMilliseconds / 2;
    // An engine that doesn't listen ends with its process, which is told as that process's own end.
    if (!await settlesWithin(died.promise, milliseconds, clock)) {
      if (stop.aborted) this.#link = undefined;
      await link.endForSilence(milliseconds);
    }
    this.#approval = undefined;
    this.#given = await died.promise;
    this.#died = undefined;
    this.#seen.givenBack();
  }

  giveBack(): Promise<DeallocationResult> {
    const { id } = this.#config.demand;
    const pools = this.#given.length > 0
      ? this.#given
      : [{ id: RAM, givenBackBytes: 0, totalBytes: 0 }];
    const ok = this.#given.length > 0;
    this.#given = [];
    return Promise.resolve({ ok, id, ...figuresOfRam(pools), pools });
  }

  async close(): Promise<readonly PoolDeallocation[]> {
    await this.#leave();
    const given = this.#given;
    this.#given = [];
    return given;
  }

  sampled(): Omit<SampledJar, "id"> {
    return this.#seen.sampled;
  }

  /** Ends its process, if there is one. */
  async #leave(): Promise<void> {
    const { clock, limits: { hurriedDisposalMilliseconds } } = this.#run;
    const link = this.#link;
    this.#link = undefined;
    await link?.end(hurriedDisposalMilliseconds);
    await settlesWithin(this.#gone, hurriedDisposalMilliseconds, clock);
  }

  /** Its process is gone with all that it had: the kernel gave it back. */
  #lost(): void {
    this.#given = (this.#approval?.allocation.pools ?? []).map(({ id, allocatedBytes }) => ({
      id,
      givenBackBytes: allocatedBytes,
      totalBytes: 0,
    }));
    this.#approval = undefined;
    this.#seen.givenBack();
  }

  #ended(link: JarLink, end: ProcessEnd): void {
    this.#seen.ended();
    const isWanted = this.#link === link;
    if (isWanted) this.#link = undefined;
    // One that was left on purpose died of nothing.
    if (isWanted) this.#end = end;
    // Its scheduler may not know yet that the machine is lost.
    if (LOST.has(deathBy(end).cause)) this.#avoid = this.#host;
    const { id } = this.#config.demand;
    const failure = endedEarly(id, this.#start.launcher, end);
    const mind = this.#mind;
    if (mind !== undefined) {
      this.#mind = undefined;
      // Before a thought fails: what it died of is known.
      this.#jar.lost(deathBy(end));
      mind.fail(failure);
    } else if (this.#hello !== undefined) {
      this.#hello.resolve(end);
    } else if (this.#entrance !== undefined) {
      this.#lost();
      this.#entrance.resolve(this.#refusalOf(failure));
    } else {
      // Its jar is dead or dying, and dies once more.
      if (isWanted && this.#wasUp) this.#jar.lost(deathBy(end));
      // What it gave back itself stays to be told.
      if (this.#approval !== undefined) this.#lost();
      this.#died?.resolve(this.#given);
    }
  }

  /** What becomes of a jar that isn't let in: one whose process ended on the way dies. */
  #refusalOf(error: unknown): Refusal {
    const refusal = { ...refusalOf(error), ...defined({ where: this.#where }) };
    const end = this.#end;
    if (end === undefined || refusal.blame !== "engine") return refusal;
    const death = deathBy(end);
    // What ends by itself before it was ever up isn't what was to be started.
    return this.#wasUp || BY_FORCE.has(death.cause) ? { ...refusal, death } : refusal;
  }

  #hear(answer: JarAnswer): void {
    this.#advance?.hear(answer);
    switch (answer.answer) {
      case "hello":
        return this.#hello?.resolve(answer);
      case "admitted": {
        const { allocation, preflight } = answer;
        this.#approval = { allocation, preflight, ...defined({ where: this.#where }) };
        this.#seen.admitted(allocation.pools);
        return this.#onApproved?.(this.#approval);
      }
      case "loaded": {
        const approval = this.#approval;
        const link = this.#link;
        if (approval === undefined || link === undefined) return;
        const { contextSize, templateTokens, shared, milliseconds } = answer;
        // What it holds now is more than it held when it was asked last.
        link.send({ ask: "vitals" });
        const turn = () => this.#run.turn;
        const mind = new RemoteMind({ link, contextSize, templateTokens, turn });
        this.#mind = mind;
        this.#entrance?.resolve({
          kind: "admitted",
          approval,
          mind,
          shared,
          milliseconds,
        });
        return;
      }
      case "refused": {
        const { answer: _, ...refusal } = answer;
        const where = defined({ where: this.#where });
        return this.#entrance?.resolve({ kind: "refused", ...refusal, ...where });
      }
      case "failed": {
        const { code, message, hint, blame: kind } = answer;
        const error = new BrainjarError(code, message, { kind, ...defined({ hint }) });
        this.#entrance?.resolve(this.#refusalOf(error));
        return this.#mind?.fail(error);
      }
      case "text":
      case "thought":
        return this.#mind?.hear(answer);
      case "dying": {
        const { cause, detail, pool } = answer;
        return this.#jar.kill({ cause, ...defined({ detail, pool }) });
      }
      case "died":
        return this.#died?.resolve(answer.pools);
      case "vitals":
        return this.#seen.measured(answer.pools, answer.processBytes);
      case "warning":
        return this.#jar.warn(answer.code, answer.message);
      case "loading":
      case "bye":
        return;
    }
  }
}

/** What nobody does to itself. */
const BY_FORCE: ReadonlySet<DeathCause> = new Set([
  "out-of-memory",
  "killed",
  "crashed",
  "terminated",
]);

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof BrainjarError)) {
    const message = lineOf(error);
    return { kind: "refused", code: "jar-not-started", message, blame: "engine" };
  }
  const { code, message, hint, kind: blame } = error;
  return { kind: "refused", code, message, ...defined({ hint }), blame };
}
