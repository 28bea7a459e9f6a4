import type { MachineMemory } from "../../budget/memory.ts";

/**
 * Where processes write what each has reserved, so that no two reserve the same memory. One figure
 * stands for all jars of this process.
 */
export interface ReservationLedger {
  /**
   * Decides on the machine's memory, less what other processes have reserved and not filled, while
   * no other process can decide; then writes what this process has reserved in all.
   */
  admit<Value>(
    decide: (memory: MachineMemory) => { readonly value: Value; readonly reservedBytes: number },
  ): Promise<Value>;
  /** The machine's memory, less what other processes have reserved and not filled. */
  readMemory(): Promise<MachineMemory>;
  /** Writes what this process has reserved after something was given back. */
  keep(reservedBytes: number): Promise<void>;
}

/** No other process is asked: the machine's memory as it is read. */
export function withoutLedger(readMemory: () => Promise<MachineMemory>): ReservationLedger {
  return {
    admit: async (decide) => decide(await readMemory()).value,
    readMemory,
    keep: () => Promise.resolve(),
  };
}
