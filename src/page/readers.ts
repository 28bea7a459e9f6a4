import { systemTimer, type Timer, type Updates } from "./updates.ts";

/** Who reads along at once; one more is asked to come later. */
export const MOST_READERS = 500;

/** A comment in between, so that nobody on the way takes the silence for an end. */
const KEEP_ALIVE_MILLISECONDS = 15_000;

/** The newest state goes out in pieces, so that who doesn't read them has few. */
const PIECE_BYTES = 16 * 1024;

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": still here\n\n");
const CLOSED = encoder.encode("event: closed\ndata: {}\n\n");

/** A connection to one who reads along. */
export interface Outlet {
  /** Sends something; whether it takes more at once, or says later that it does. */
  write(bytes: Uint8Array): boolean;
  /** That was all. */
  end(): void;
  /** Ends it at once, whatever is still under way. */
  destroy(): void;
}

/** What a connection tells of itself. */
export interface Reader {
  /** It takes more again. */
  drained(): void;
  /** It is gone. */
  left(): void;
}

interface State {
  readonly outlet: Outlet;
  /** The last update that it was given. */
  number: number;
  /** What it gets before any other update. */
  first: Uint8Array;
  /** Whether it takes more now. */
  isReady: boolean;
}

/**
 * Those who read a run's updates. Each takes the next ones when it can, from what all share, so that
 * none has a queue of its own: who doesn't read falls behind what is kept, and is dropped.
 */
export class Readers {
  readonly #updates: Updates<unknown>;
  readonly #timer: Timer;
  readonly #readers = new Set<State>();
  #stopKeepAlive: () => void = () => {};
  #isClosed = false;

  constructor(updates: Updates<unknown>, timer: Timer = systemTimer) {
    this.#updates = updates;
    this.#timer = timer;
    updates.onUpdate(() => {
      for (const reader of this.#readers) this.#send(reader);
    });
  }

  /** How many read along now. */
  get count(): number {
    return this.#readers.size;
  }

  /** Whether there is no place for one more. */
  get isFull(): boolean {
    return this.#isClosed || this.#readers.size >= MOST_READERS;
  }

  /**
   * One more reads along: it is sent server-sent events, `hello`, then the state, or only what came
   * after the update that it has seen last.
   *
   * @param lastId what it sends as Last-Event-ID
   */
  open(outlet: Outlet, hello: unknown, lastId: string | undefined): Reader {
    if (this.#readers.size === 0) this.#keepAlive();
    this.#updates.setReaders(this.#readers.size + 1);
    const seen = lastId === undefined ? undefined : this.#updates.numberOf(lastId);
    const snapshot = seen === undefined ? this.#updates.snapshot() : undefined;
    const reader: State = {
      outlet,
      number: seen ?? snapshot?.number ?? 0,
      first: snapshot?.bytes ?? new Uint8Array(),
      isReady: true,
    };
    this.#readers.add(reader);
    reader.isReady = outlet.write(
      encoder.encode(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`),
    );
    this.#send(reader);
    return {
      drained: () => {
        reader.isReady = true;
        this.#send(reader);
      },
      left: () => this.#remove(reader),
    };
  }

  /** Gives it what there is, as long as it takes it. */
  #send(reader: State): void {
    const { outlet } = reader;
    if (!this.#readers.has(reader)) return;
    while (reader.isReady && reader.first.length > 0) {
      const piece = reader.first.subarray(0, PIECE_BYTES);
      reader.first = reader.first.subarray(PIECE_BYTES);
      reader.isReady = outlet.write(piece);
    }
    const next = this.#updates.after(reader.number);
    if (next === "late") {
      this.#remove(reader);
      outlet.destroy();
    } else if (next !== "wait" && reader.isReady && reader.first.length === 0) {
      reader.number = next.number;
      reader.isReady = outlet.write(next.bytes);
    }
  }

  #remove(reader: State): void {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size === 0) this.#stopKeepAlive();
    this.#updates.setReaders(this.#readers.size);
  }

  #keepAlive(): void {
    this.#stopKeepAlive = this.#timer.after(KEEP_ALIVE_MILLISECONDS, () => {
      for (const reader of this.#readers) {
        if (reader.isReady) reader.isReady = reader.outlet.write(KEEP_ALIVE);
      }
      this.#keepAlive();
    });
  }

  /** Gives everybody what is left, says that it was all, and lets nobody in any more. */
  close(): void {
    this.#isClosed = true;
    this.#updates.flush();
    for (const reader of [...this.#readers]) {
      const { first, number, outlet } = reader;
      const next = this.#updates.after(number);
      this.#remove(reader);
      if (first.length > 0) outlet.write(first);
      if (typeof next !== "string") outlet.write(next.bytes);
      outlet.write(CLOSED);
      outlet.end();
    }
  }
}
