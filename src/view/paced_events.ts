import type { Clock } from "../experiment/clock.ts";
import type { TextPiece, ViewEvent } from "./view_event.ts";

/**
 * Words of one thought that are told at the pace. One of more words takes as long as one of so many:
 * at 200 words a minute ten seconds.
 */
const MOST_WORDS = 33;

/** A word without spaces, as some languages are written, counts as one more after so many characters. */
const WORD = /\s*\S{1,12}|\s+$/gu;
const WORD_CHARACTERS = 12;

/** How events are handed out. */
interface PacedEventsOptions {
  readonly clock: Clock;
  /** Words a minute; absent: nothing waits. */
  readonly pace: number | undefined;
  readonly handOut: (event: ViewEvent) => void;
}

/**
 * Hands events out in order, the words of thoughts no faster than they can be read. What comes more
 * slowly than that isn't kept waiting, and without a pace nothing is: it is handed out by the time that
 * `push` returns.
 */
export class PacedEvents {
  readonly #clock: Clock;
  readonly #handOut: (event: ViewEvent) => void;
  #pace: number | undefined;
  #waiting: ViewEvent[] = [];
  #isHeld = false;
  #isHandingOut = false;
  /** Ends the wait for the next word, where something has changed. */
  #wake = new AbortController();
  #drained = Promise.withResolvers<void>();
  readonly #reading = new Reading();

  constructor({ clock, pace, handOut }: PacedEventsOptions) {
    this.#clock = clock;
    this.#pace = pace;
    this.#handOut = handOut;
  }

  get pace(): number | undefined {
    return this.#pace;
  }

  /** Holds from the next word on. */
  set pace(wordsPerMinute: number | undefined) {
    this.#pace = wordsPerMinute;
    this.#goOn();
  }

  push(event: ViewEvent): void {
    if (this.#isHeld && event.event === "memory") {
      // What is held shows an older moment.
      this.#waiting = this.#waiting.filter(({ event }) => event !== "memory");
      return this.#handOut(event);
    }
    const isPaced = event.event === "text" && this.#pace !== undefined;
    const words = isPaced ? wordsOf(event) : [event];
    this.#reading.expect(words.length, event);
    this.#waiting.push(...words);
    this.#goOn();
  }

  /** Hands nothing out until `resume`; only what memory looks like now. */
  hold(): void {
    this.#isHeld = true;
    this.#goOn();
  }

  resume(): void {
    this.#isHeld = false;
    this.#goOn();
  }

  /** Hands out all that waits, at once. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.#tell(event);
    this.#goOn();
  }

  /** From now on nothing is held and nothing waits. */
  finish(): void {
    this.#isHeld = false;
    this.#pace = undefined;
    this.flush();
  }

  /** Resolves when nothing waits. */
  drained(): Promise<void> {
    return this.#waiting.length === 0 ? Promise.resolve() : this.#drained.promise;
  }

  #goOn(): void {
    this.#wake.abort();
    if (!this.#isHandingOut) this.#handOutInTime();
  }

  async #handOutInTime(): Promise<void> {
    this.#isHandingOut = true;
    while (this.#waiting.length > 0 && !this.#isHeld) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const milliseconds = this.#reading.waitFor(next, this.#pace, this.#clock.now());
      if (milliseconds > 0) {
        this.#wake = new AbortController();
        await this.#clock.sleep(milliseconds, this.#wake.signal);
        continue;
      }
      this.#waiting.shift();
      this.#tell(next);
    }
    this.#isHandingOut = false;
    if (this.#waiting.length > 0) return;
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
  }

  #tell(event: ViewEvent): void {
    this.#reading.told(event, this.#clock.now());
    this.#handOut(event);
  }
}

/** A piece in as many as it has words, each with the space before it. */
function wordsOf(piece: TextPiece): TextPiece[] {
  return (piece.text.match(WORD) ?? [piece.text]).map((text) => ({ ...piece, text }));
}

/** How far a reader is with the thought that is being told. */
class Reading {
  #id = "";
  /** When its first word was told, and the last one. */
  #beganAt = -Infinity;
  #wordAt = -Infinity;
  #toldWords = 0;
  #waitingPieces = 0;
  /** Characters since the last word began; none where a space is the last that was told. */
  #characters = 0;

  expect(pieces: number, { event }: ViewEvent): void {
    if (event === "text") this.#waitingPieces += pieces;
  }

  /** Milliseconds until it may be told. */
  waitFor(event: ViewEvent, pace: number | undefined, now: number): number {
    if (event.event !== "text" || pace === undefined || !this.#beginsWord(event)) return 0;
    const usual = 60_000 / pace;
    const isOther = event.id !== this.#id;
    const ends = (isOther ? now : this.#beganAt) + MOST_WORDS * usual;
    const isLong = !isOther && this.#toldWords + this.#waitingPieces > MOST_WORDS;
    const each = isLong ? Math.max(0, ends - now) / this.#waitingPieces : usual;
    return this.#wordAt + Math.min(usual, each) - now;
  }

  told(event: ViewEvent, now: number): void {
    if (event.event === "thought" || event.event === "death") this.#id = "";
    if (event.event !== "text") return;
    this.#waitingPieces--;
    const beginsWord = this.#beginsWord(event);
    if (event.id !== this.#id) {
      this.#id = event.id;
      this.#beganAt = now;
      this.#toldWords = 0;
    }
    if (beginsWord) {
      this.#wordAt = now;
      this.#toldWords++;
      this.#characters = 0;
    }
    this.#characters = /\s$/.test(event.text) ? 0 : this.#characters + event.text.trim().length;
  }

  #beginsWord({ id, text }: TextPiece): boolean {
    if (!/\S/.test(text)) return false;
    return id !== this.#id || this.#characters === 0 || /^\s/.test(text) ||
      this.#characters >= WORD_CHARACTERS;
  }
}
