import { type Patch, patchOf } from "./patch.ts";

/** Time as updates need it, so that tests can decide how much of it has passed. */
export interface Timer {
  /** Calls `run` once after so many milliseconds; what it answers with takes that back. */
  after(milliseconds: number, run: () => void): () => void;
}

/** The machine's own; it keeps no program from ending. */
export const systemTimer: Timer = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};

/** Between two updates: fast enough for words that appear as they are thought. */
export const UPDATE_MILLISECONDS = 100;

/**
 * So much longer for each one who reads along: writing to all of them takes about the same part of a
 * core, whether they are 50 or 1000. With 200 it is an update every 2.5 s.
 */
export const MILLISECONDS_A_READER = 12;

/**
 * Bytes of updates that are kept for who reads slowly or was away for a moment; a newest one that is
 * larger is kept alone.
 */
export const KEPT_BYTES = 256 * 1024;

/** Updates that are kept: half a minute of a run that never rests. */
const KEPT_UPDATES = 300;

interface Update {
  readonly number: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a reader gets next: bytes, nothing yet, or nothing ever since it is too far behind. */
export type Next =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly number: number }
  | "wait"
  | "late";

const encoder = new TextEncoder();

/**
 * The updates of one state for any number of readers. Each is encoded once, at most ten a second,
 * fewer for many readers, and kept for a while in one place: a reader is a number, that of the last
 * update it has, so that one who reads slowly costs nothing, and one who is too far behind is told so.
 */
export class Updates<State> {
  /** Told apart from those of another run on the same port. */
  readonly #run = crypto.randomUUID().slice(0, 8);
  readonly #timer: Timer;
  readonly #read: () => State;
  #sent: State;
  #number = 0;
  #kept: Update[] = [];
  #keptBytes = 0;
  #snapshot: Update | undefined;
  #readers = 0;
  /** Within a tenth of a second after an update. */
  #hasJustSent = false;
  #isDue = false;
  #wake: () => void = () => {};

  /** @param read the state as it is now: asked for when it is sent, and not before */
  constructor(read: () => State, timer: Timer = systemTimer) {
    this.#timer = timer;
    this.#read = read;
    this.#sent = read();
  }

  /** The number of the newest update. */
  get number(): number {
    return this.#number;
  }

  /** Calls this after each update, until it is given another one. */
  onUpdate(wake: () => void): void {
    this.#wake = wake;
  }

  /** How many read along. While nobody does, nothing is compared or encoded. */
  setReaders(count: number): void {
    if (this.#readers === 0 && count > 0) this.#forget();
    this.#readers = count;
  }

  /** Something may have changed: it is sent at once, or a tenth of a second after the last update. */
  touch(): void {
    if (this.#readers === 0) return;
    if (this.#hasJustSent) {
      this.#isDue = true;
      return;
    }
    this.flush();
    this.#rest();
  }

  #rest(): void {
    this.#hasJustSent = true;
    this.#timer.after(UPDATE_MILLISECONDS + this.#readers * MILLISECONDS_A_READER, () => {
      this.#hasJustSent = false;
      if (!this.#isDue) return;
      this.#isDue = false;
      this.flush();
      this.#rest();
    });
  }

  /** Sends what has changed, now. */
  flush(): void {
    if (this.#readers === 0) return;
    const state = this.#read();
    const patch = patchOf(this.#sent, state);
    this.#sent = state;
    if (patch === undefined) return;
    this.#number += 1;
    this.#snapshot = undefined;
    this.#keep({ number: this.#number, bytes: this.#encode("patch", patch) });
    this.#wake();
  }

  #keep(update: Update): void {
    this.#kept.push(update);
    this.#keptBytes += update.bytes.length;
    while (
      this.#kept.length > 1 &&
      (this.#keptBytes > KEPT_BYTES || this.#kept.length > KEPT_UPDATES)
    ) this.#keptBytes -= this.#kept.shift()?.bytes.length ?? 0;
  }

  /** Nobody has what was sent before: there is nothing to add to. */
  #forget(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    this.#snapshot = undefined;
    this.#sent = this.#read();
    this.#number += 1;
  }

  #encode(event: "state" | "patch", data: State | Patch): Uint8Array<ArrayBuffer> {
    const text = `event: ${event}\nid: ${this.#run}-${this.#number}\ndata: ${
      JSON.stringify(data)
    }\n\n`;
    return encoder.encode(text);
  }

  /** All of what was sent last, for a new reader. */
  snapshot(): { readonly number: number; readonly bytes: Uint8Array<ArrayBuffer> } {
    return this.#snapshot ??= { number: this.#number, bytes: this.#encode("state", this.#sent) };
  }

  /** The number in an id that was sent, if what came after it is still kept. */
  numberOf(id: string): number | undefined {
    const [, run, digits] = /^([\da-f]{8})-(\d{1,15})$/.exec(id) ?? [];
    const number = Number(digits);
    if (run !== this.#run || !(number <= this.#number)) return undefined;
    return this.after(number) === "late" ? undefined : number;
  }

  /** What comes after the update of this number, in one piece. */
  after(number: number): Next {
    if (number >= this.#number) return "wait";
    const oldest = this.#kept[0]?.number ?? Infinity;
    if (number + 1 < oldest) return "late";
    const next = this.#kept.slice(number + 1 - oldest);
    const [first] = next;
    if (first !== undefined && next.length === 1) return { ...first };
    const bytes = new Uint8Array(next.reduce((sum, update) => sum + update.bytes.length, 0));
    let offset = 0;
    for (const update of next) {
      bytes.set(update.bytes, offset);
      offset += update.bytes.length;
    }
    return { bytes, number: this.#number };
  }
}
