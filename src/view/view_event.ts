import type { RunControls } from "../experiment/controls.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { MemorySample } from "../experiment/memory/memory_sample.ts";
import type { RecordedStart } from "../report/schema/transcript.ts";
import type { RunView } from "./run_view.ts";

/** A piece of a thought, as it is sampled. */
export interface TextPiece {
  readonly event: "text";
  readonly id: string;
  readonly text: string;
}

/** How fast viewers hear thoughts, in words a minute; absent: as fast as they are thought. */
interface PaceChange {
  readonly event: "pace";
  readonly wordsPerMinute?: number;
}

/**
 * Everything that whoever watches a run hears, in order. A transcript begins with its own `start`, which
 * may be all that is known of the jars.
 */
export type ViewEvent = RunEvent | MemorySample | TextPiece | PaceChange | RecordedStart;

/** Whoever watches a run: a screen, a page, a recording. */
export interface Viewer {
  /**
   * Hears one event. Must return at once, and never throws.
   *
   * @param at milliseconds since the run began
   */
  hear(event: ViewEvent, at: number): void;
  /** What is seen from now on, in place of all that it heard: a replay went to another turn. */
  show?(view: RunView): void;
  /** Resolves when it has caught up with what it was told: no thought begins before. */
  caughtUp?(): Promise<void>;
  /** The run is over; a terminal is as it was found when it resolves. */
  close(): Promise<void>;
}

/** What a viewer is given to draw, and to steer by. */
export interface Watched {
  /** What is seen at the moment of the last event that it heard. */
  view(): RunView;
  readonly controls: RunControls;
  /** Layer 1's report as `check` prints it; empty before there is one. */
  report(): string;
}
