import { defined } from "../budget/defined.ts";
import { type Clock, systemClock } from "../experiment/clock.ts";
import { PacedEvents } from "./paced_events.ts";
import { EMPTY_VIEW, type RunView } from "./run_view.ts";
import { see } from "./see.ts";
import type { Viewer, ViewEvent } from "./view_event.ts";

/**
 * Those who watch one run: what they see, and how fast. Each event changes the view before they hear
 * it. One that fails hears nothing more; its failure is thrown to who tells the next event, since what
 * nobody can see isn't to go on.
 *
 * @example
 * ```ts
 * import { Viewers } from "./viewers.ts";
 * const viewers = new Viewers({});
 * const heard: string[] = [];
 * viewers.add({ hear: ({ event }) => heard.push(event), close: () => Promise.resolve() });
 * viewers.hear({ event: "paused", turn: 1 });
 * if (viewers.view.phase !== "paused" || heard.length !== 1) throw new Error("All is told at once");
 * ```
 */
export class Viewers {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #events: PacedEvents;
  readonly #viewers = new Set<Viewer>();
  #view: RunView = EMPTY_VIEW;
  #failure: { readonly error: unknown } | undefined;

  /** @param options `pace` in words a minute; absent: as fast as thoughts are thought */
  constructor({ clock = systemClock, pace }: { readonly clock?: Clock; readonly pace?: number }) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#events = new PacedEvents({ clock, pace, handOut: (event) => this.#tell(event) });
    if (pace !== undefined) this.#tell({ event: "pace", wordsPerMinute: pace });
  }

  /** What is seen at the moment that they have been told of. */
  get view(): RunView {
    return this.#view;
  }

  get pace(): number | undefined {
    return this.#events.pace;
  }

  /** It hears what is told from now on. */
  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
  }

  /** Tells them one event when its time has come. Throws what an earlier one failed one of them with. */
  hear(event: ViewEvent): void {
    this.throwFailure();
    switch (event.event) {
      case "paused":
        // What a person does is seen at once, and what is being read stays where it is.
        this.#events.hold();
        return this.#tell(event);
      case "resumed":
        this.#tell(event);
        return this.#events.resume();
      case "death":
        this.#events.push(event);
        if (event.cause === "by-hand" || this.#view.phase === "paused") this.#events.flush();
        return;
      default:
        this.#events.push(event);
    }
  }

  setPace(wordsPerMinute: number | undefined): void {
    if (wordsPerMinute === this.pace) return;
    this.#events.pace = wordsPerMinute;
    this.#tell({ event: "pace", ...defined({ wordsPerMinute }) });
  }

  /** Resolves when all that was told so far has been handed out and is read. */
  async caughtUp(): Promise<void> {
    await this.#events.drained();
    await Promise.all([...this.#viewers].map((viewer) => viewer.caughtUp?.()));
  }

  /** The run is to stop: from now on nothing waits. */
  finish(): void {
    this.#events.finish();
  }

  /** Throws what a viewer failed with. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Closes all of them, those that were added last first. */
  async close(): Promise<void> {
    this.#events.finish();
    for (const viewer of [...this.#viewers].toReversed()) await viewer.close();
    this.#viewers.clear();
  }

  #tell(event: ViewEvent): void {
    const at = this.#clock.now() - this.#began;
    this.#view = see(this.#view, event, at);
    for (const viewer of this.#viewers) {
      try {
        viewer.hear(event, at);
      } catch (error) {
        this.#viewers.delete(viewer);
        this.#failure ??= { error };
      }
    }
  }
}
