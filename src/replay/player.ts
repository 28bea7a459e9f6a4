import type { Clock } from "../experiment/clock.ts";
import type { ReplayControls, RunControls } from "../experiment/controls.ts";
import { SPEED_BOUNDS } from "../view/pace.ts";
import { EMPTY_VIEW, type RunView } from "../view/run_view.ts";
import type { Viewer } from "../view/view_event.ts";
import { Marks } from "./marks.ts";
import type { Mark, Moment, RecordedRun } from "./recorded_run.ts";

/** How a run is played. */
export interface PlayOptions {
  readonly clock: Clock;
  /** 1: as fast as it was; `Infinity`: without a wait. */
  readonly speed: number;
  /** Milliseconds of the run; where nothing happened for longer, that is how long it lasts. */
  readonly maxGap: number;
  /** Whether it stays at its end until it is quit: there somebody may go back. */
  readonly staysAtEnd: boolean;
}

/** How long events are told without a look at keys and signals. */
const BUSY_MILLISECONDS = 10;

const ALREADY_HAPPENED = "This is a replay: what it shows has already happened";

/** What interrupted a wait. */
type Interruption = "quit" | "jump" | undefined;

/**
 * Plays a recorded run to whoever watches, in the time that it took, and does what a person asks:
 * pauses, goes to another turn, changes the speed.
 */
export class Player {
  readonly controls: RunControls;
  readonly #run: RecordedRun;
  readonly #options: PlayOptions;
  readonly #viewers = new Set<Viewer>();
  readonly #marks: Marks;
  #view: RunView = EMPTY_VIEW;
  #speed: number;
  #isPaused = false;
  #hasQuit = false;
  #target: number | undefined;
  #wake = new AbortController();
  /** Milliseconds of the run that were played, gaps as they were shortened. */
  #played = 0;
  /** When so much of it had been played, since the speed was the one that it is. */
  #anchor: { readonly now: number; readonly played: number };
  #yieldedAt: number;

  constructor(run: RecordedRun, options: PlayOptions) {
    this.#run = run;
    this.#options = options;
    this.#marks = new Marks(run);
    this.#speed = options.speed;
    this.#yieldedAt = options.clock.now();
    this.#anchor = { now: this.#yieldedAt, played: 0 };
    this.controls = this.#makeControls();
  }

  /** What is seen at this moment. */
  get view(): RunView {
    return this.#isPaused ? { ...this.#view, phase: "paused" } : this.#view;
  }

  /** It hears what is played from now on. */
  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
  }

  /** Plays from a turn on until the end, or until it is quit. */
  async play(fromTurn = 0): Promise<void> {
    if (fromTurn > 0) this.#target = fromTurn;
    let mark = this.#run.beginning;
    for (;;) {
      if (this.#hasQuit) return;
      if (this.#target !== undefined) {
        mark = await this.#goTo(this.#target);
        if (this.#target !== undefined) continue;
      }
      const interruption = await this.#playFrom(mark);
      if (interruption === "quit") return;
      if (interruption === undefined) {
        if (!this.#options.staysAtEnd) return;
        await this.#interrupted();
      }
    }
  }

  async #playFrom(mark: Mark): Promise<Interruption> {
    let { at } = mark;
    let before = mark;
    for await (const moment of this.#run.moments(mark, { inPieces: true })) {
      const interruption = await this.#wait(moment.at - at);
      if (interruption !== undefined) return interruption;
      this.#marks.pass(before, moment);
      before = moment;
      at = moment.at;
      this.#tell(moment);
      if (moment.event.event !== "text") {
        await Promise.all([...this.#viewers].map((viewer) => viewer.caughtUp?.()));
      }
    }
    return undefined;
  }

  /** Waits as long as it took, at this speed. */
  async #wait(gap: number): Promise<Interruption> {
    const { clock, maxGap } = this.#options;
    this.#played += Math.min(gap, maxGap);
    for (;;) {
      if (this.#hasQuit) return "quit";
      if (this.#target !== undefined) return "jump";
      if (this.#isPaused) {
        await this.#interrupted();
        continue;
      }
      const now = clock.now();
      const due = this.#anchor.now + (this.#played - this.#anchor.played) / this.#speed;
      if (due - now >= 1) {
        await clock.sleep(due - now, this.#wake.signal);
        continue;
      }
      // What is late is not caught up with: a terminal that was slow isn't flooded.
      if (due < now - BUSY_MILLISECONDS) this.#anchor = { now, played: this.#played };
      if (now - this.#yieldedAt >= BUSY_MILLISECONDS) {
        await clock.sleep(0);
        this.#yieldedAt = clock.now();
        continue;
      }
      return undefined;
    }
  }

  /** The beginning of a turn, shown to those who watch. */
  async #goTo(turn: number): Promise<Mark> {
    const mark = await this.#marks.find(turn, async () => {
      await this.#options.clock.sleep(0);
      return this.#hasQuit || this.#target !== turn;
    });
    if (this.#target === turn && mark !== undefined) {
      this.#target = undefined;
      this.#view = mark.view;
      this.#anchor = { now: this.#options.clock.now(), played: this.#played };
      this.#show();
    }
    return mark ?? this.#run.beginning;
  }

  #tell({ event, at, view }: Moment): void {
    this.#view = view;
    for (const viewer of this.#viewers) viewer.hear(event, at);
  }

  #show(): void {
    for (const viewer of this.#viewers) viewer.show?.(this.view);
  }

  /** Resolves when a person did something. */
  async #interrupted(): Promise<void> {
    const { signal } = this.#wake;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Has whoever waits look at what was done. */
  #interrupt(change: () => void): void {
    change();
    const before = this.#wake;
    this.#wake = new AbortController();
    before.abort();
  }

  /** From now on time is counted from here: whatever changes its speed comes after this. */
  #reanchor(): void {
    const now = this.#options.clock.now();
    const { now: since, played } = this.#anchor;
    const passed = this.#isPaused ? 0 : (now - since) * this.#speed;
    // At a speed without end the product of no time is no number.
    this.#anchor = { now, played: passed >= 0 ? Math.min(this.#played, played + passed) : played };
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#interrupt(() => {
      this.#reanchor();
      this.#isPaused = isPaused;
    });
    this.#show();
  }

  #makeControls(): RunControls {
    const isPaused = () => this.#isPaused;
    const speed = () => this.#speed;
    const replay: ReplayControls = {
      get speed() {
        return speed();
      },
      setSpeed: (wanted) =>
        this.#interrupt(() => {
          this.#reanchor();
          this.#speed = wanted === Infinity
            ? wanted
            : Math.min(SPEED_BOUNDS.greatest, Math.max(SPEED_BOUNDS.least, wanted));
        }),
      lastTurn: this.#run.index.turns.at(-1) ?? 0,
      goTo: (turn) =>
        this.#interrupt(() => {
          this.#target = Math.max(0, turn);
        }),
    };
    return {
      get isPaused() {
        return isPaused();
      },
      pause: () => this.#setPaused(true),
      resume: () => this.#setPaused(false),
      kill: () => ALREADY_HAPPENED,
      whisper: () => ALREADY_HAPPENED,
      promptOf: (id) => this.#run.index.start.jars.find((jar) => jar.id === id)?.prompt,
      setPrompt: () => ALREADY_HAPPENED,
      quit: () =>
        this.#interrupt(() => {
          this.#hasQuit = true;
        }),
      // A replay has a speed.
      pace: undefined,
      setPace: () => {},
      replay,
    };
  }
}
