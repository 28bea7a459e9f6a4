import { systemTimer, type Timer, type Updates } from "./updates.ts";

/** Who reads along at once; one more is asked to come later. */
export const MOST_READERS = 1000;

/** A comment in between, so that nobody on the way takes the silence for an end. */
const KEEP_ALIVE_MILLISECONDS = 15_000;

/** The newest state goes out in pieces, so that who doesn't read them has few. */
const PIECE_BYTES = 16 * 1024;

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": still here\n\n");
const CLOSED = encoder.encode("event: closed\ndata: {}\n\n");

interface Reader {
  /** The last update that it was given; updates wait until it has all of the first state. */
  number: number;
  /** What it is to get before any update. */
  first: Uint8Array<ArrayBuffer>;
  /** Gives it something, where it waits for that. */
  give: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
}

/**
 * Those who read a run's updates. Each takes the next ones when it can, from what all share, so that
 * none has a queue of its own: who doesn't read falls behind what is kept, and is dropped.
 */
export class Readers<State> {
  readonly #updates: Updates<State>;
  readonly #timer: Timer;
  readonly #readers = new Set<Reader>();
  #stopKeepAlive: () => void = () => {};
  #isClosed = false;

  constructor(updates: Updates<State>, timer: Timer = systemTimer) {
    this.#updates = updates;
    this.#timer = timer;
    updates.onUpdate(() => this.#deliver());
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
   * A new reader's stream of server-sent events: `hello`, then the state, or only what came after the
   * update that it has seen last.
   *
   * @param lastId what it sends as Last-Event-ID
   */
  open(hello: unknown, lastId: string | null): ReadableStream<Uint8Array<ArrayBuffer>> {
    let reader: Reader | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => reader = this.#add(hello, lastId, controller),
      pull: () => reader && this.#pull(reader),
      cancel: () => reader && this.#remove(reader),
    }, { highWaterMark: 0 });
  }

  #add(hello: unknown, lastId: string | null, controller: Reader["controller"]): Reader {
    if (this.#readers.size === 0) {
      this.#updates.setWatched(true);
      this.#keepAlive();
    }
    const greeting = encoder.encode(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    const seen = lastId === null ? undefined : this.#updates.numberOf(lastId);
    const snapshot = seen === undefined ? this.#updates.snapshot() : undefined;
    const reader: Reader = {
      number: seen ?? snapshot?.number ?? 0,
      first: snapshot?.bytes ?? new Uint8Array(),
      give: undefined,
      controller,
    };
    controller.enqueue(greeting);
    this.#readers.add(reader);
    return reader;
  }

  /** Called when it has read what it was given: it gets what there is, or waits. */
  #pull(reader: Reader): Promise<void> | void {
    if (reader.first.length > 0) {
      reader.controller.enqueue(reader.first.subarray(0, PIECE_BYTES));
      reader.first = reader.first.subarray(PIECE_BYTES);
      return;
    }
    const next = this.#updates.after(reader.number);
    if (next === "late") return this.#drop(reader);
    if (next !== "wait") {
      reader.number = next.number;
      reader.controller.enqueue(next.bytes);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    reader.give = (bytes) => {
      reader.give = undefined;
      reader.controller.enqueue(bytes);
      resolve();
    };
    return promise;
  }

  #deliver(): void {
    for (const reader of this.#readers) {
      const next = this.#updates.after(reader.number);
      if (next === "late") this.#drop(reader);
      else if (next !== "wait" && reader.give !== undefined) {
        reader.number = next.number;
        reader.give(next.bytes);
      }
    }
  }

  #drop(reader: Reader): void {
    this.#remove(reader);
    reader.controller.error(new Error("It has stopped reading"));
  }

  #remove(reader: Reader): void {
    reader.give = undefined;
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#stopKeepAlive();
    this.#updates.setWatched(false);
  }

  #keepAlive(): void {
    this.#stopKeepAlive = this.#timer.after(KEEP_ALIVE_MILLISECONDS, () => {
      for (const reader of this.#readers) reader.give?.(KEEP_ALIVE);
      this.#keepAlive();
    });
  }

  /** Gives everybody what is left, says that it was all, and lets nobody in any more. */
  close(): void {
    this.#isClosed = true;
    this.#updates.flush();
    for (const reader of this.#readers) {
      const next = this.#updates.after(reader.number);
      const { first, controller } = reader;
      this.#remove(reader);
      if (first.length > 0) controller.enqueue(first);
      if (typeof next !== "string") controller.enqueue(next.bytes);
      controller.enqueue(CLOSED);
      controller.close();
    }
  }
}
