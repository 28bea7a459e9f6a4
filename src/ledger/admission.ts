import type { MachineMemory } from "../budget/memory.ts";

/** A promise of memory to one jar of this process, in bytes. */
export interface JarPromise {
  readonly id: string;
  readonly bytes: number;
}

/** What was decided under the lock; without promises and hold, nothing is promised. */
export interface Admission<T> {
  readonly value: T;
  readonly promises?: readonly JarPromise[];
  readonly hold?: { readonly bytes: number; readonly durationMilliseconds: number };
}

/**
 * A machine's memory with what others were promised taken off what is available. All of it comes
 * off, whichever control group the others are in: from outside it can't be told which limit they will
 * fill.
 */
export function takeOffPromises(memory: MachineMemory, promisedBytes: number): MachineMemory {
  return {
    ...memory,
    availableBytes: Math.max(0, memory.availableBytes - promisedBytes),
    promisedBytes: memory.promisedBytes + promisedBytes,
  };
}
