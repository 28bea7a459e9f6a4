import type { MachineMemory } from "../budget/memory.ts";
import type { ReservationLedger } from "./memory/reservation_ledger.ts";
import type { MemoryLedger } from "../ledger/memory_ledger.ts";
import { takeOffReservations } from "../ledger/sums.ts";

/** Under which name all jars of this process stand in the ledger, as one figure. */
const ID = "jars";

/** The ledger of this user's brainjar processes as the one that a run's jars are admitted under. */
export function reservationLedger(
  ledger: MemoryLedger,
  readMemory: () => Promise<MachineMemory>,
): ReservationLedger {
  return {
    admit: async (decide) => {
      const { value } = await ledger.admit(readMemory, (memory) => {
        const { value, reservedBytes } = decide(memory);
        return reservedBytes > 0 ? { value, jar: { id: ID, bytes: reservedBytes } } : { value };
      });
      return value;
    },
    readMemory: async () =>
      takeOffReservations(await readMemory(), (await ledger.view()).othersUnfilledBytes),
    keep: async (reservedBytes) => {
      if (reservedBytes > 0) await ledger.reserve({ id: ID, bytes: reservedBytes });
      else await ledger.release(ID);
    },
  };
}
