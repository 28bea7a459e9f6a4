import type { MachineMemory } from "../../budget/memory.ts";

/** The machine's memory as it was read last: reading takes time, deciding must not. */
export class MemoryView {
  readonly #read: () => Promise<MachineMemory>;
  readonly #readOwn: () => number | Promise<number>;
  current: MachineMemory;
  /** This process's anonymous memory as it was read last. */
  lastOwnBytes: number | undefined;

  constructor(
    first: MachineMemory,
    read: () => Promise<MachineMemory>,
    readOwn: () => number | Promise<number>,
  ) {
    this.current = first;
    this.#read = read;
    this.#readOwn = readOwn;
  }

  /** Reads it again. A failed reading throws: an old figure must not decide anything new. */
  async refresh(): Promise<MachineMemory> {
    return this.current = await this.#read();
  }

  /** This process's anonymous memory in bytes, `undefined` where it can't be read. */
  async ownAnonymousBytes(): Promise<number | undefined> {
    try {
      this.lastOwnBytes = await this.#readOwn();
    } catch {
      this.lastOwnBytes = undefined;
    }
    return this.lastOwnBytes;
  }
}
