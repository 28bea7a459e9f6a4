/**
 * What a person may do to the jars of a run while it goes on. Each answers why it couldn't be done, as
 * a sentence for people, or nothing where it was.
 */
export interface RunHand {
  readonly isPaused: boolean;
  /** No thought begins until it is resumed; the one that is being thought is finished. */
  pause(): void;
  resume(): void;
  /** The jar dies as of any other cause (`by-hand`), in the middle of its thought too. */
  kill(id: string): string | undefined;
  /** Goes into the next prompt of every subject, in place of god's whisper. */
  whisper(text: string): string | undefined;
  /** The jar's prompt, as a prompt file says it. */
  promptOf(id: string): string | undefined;
  /** Replaces it from the jar's next turn on; a text that is no prompt file is refused. */
  setPrompt(id: string, text: string): string | undefined;
}

/** All that a person may do to a run from a screen or a page. */
export interface RunControls extends RunHand {
  /** Ends the run, as asked: exit code 0. */
  quit(): void;
  /** Words a minute at which viewers hear thoughts; `undefined`: as fast as they are thought. */
  readonly pace: number | undefined;
  setPace(wordsPerMinute: number | undefined): void;
  /** Present where a transcript is played: then its speed stands in place of the pace. */
  readonly replay?: ReplayControls;
}

/** What may be done to a transcript that is played again, besides pausing and quitting. */
export interface ReplayControls {
  /** 1: as fast as it was; `Infinity`: without a wait. */
  readonly speed: number;
  setSpeed(speed: number): void;
  /** The last turn that the transcript has. */
  readonly lastTurn: number;
  /** Goes on from the beginning of this turn, or of the nearest one that there is. */
  goTo(turn: number): void;
}
