import type { MachineMemory } from "../../budget/memory.ts";
import type { MemoryLedger } from "../../ledger/memory_ledger.ts";

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
  /** Writes the same anew, so that others go on believing it. */
  renew(): Promise<void>;
}

/** No other process is asked: the machine's memory as it is read. */
export function withoutLedger(readMemory: () => Promise<MachineMemory>): ReservationLedger {
  return {
    admit: async (decide) => decide(await readMemory()).value,
    readMemory,
    keep: () => Promise.resolve(),
    renew: () => Promise.resolve(),
  };
}

/** Under which name all jars of a run stand in the ledger, as one figure. */
const JARS = "jars";

/**
 * The ledger of this user's brainjar processes as the one that a run's jars are admitted under.
 *
 * @param heldBytes what a token holds for the run, which keeps as much as long as it has jars
 */
export function reservationLedger(
  ledger: MemoryLedger,
  readMemory: () => Promise<MachineMemory>,
  heldBytes = 0,
): ReservationLedger {
  const entry = (reservedBytes: number) => ({
    id: JARS,
    bytes: Math.max(reservedBytes, heldBytes),
  });
  return {
    admit: async (decide) => {
      const { value } = await ledger.admit(readMemory, (memory) => {
        const { value, reservedBytes } = decide(memory);
        return reservedBytes > 0 ? { value, jar: entry(reservedBytes) } : { value };
      });
      return value;
    },
    readMemory: async () => await ledger.takeOffOthers(await readMemory()),
    keep: async (reservedBytes) => {
      if (reservedBytes > 0) await ledger.reserve(entry(reservedBytes));
      else await ledger.release(JARS);
    },
    renew: () => ledger.renew(),
  };
}
