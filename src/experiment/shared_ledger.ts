import type { MachineMemory } from "../budget/memory.ts";
import type { PromiseBook } from "./promises.ts";
import { takeOffPromises } from "../ledger/admission.ts";
import type { MemoryLedger } from "../ledger/memory_ledger.ts";

/** Under which name all jars of this process stand in the ledger, as one figure. */
const ENTRY = "jars";

/** The ledger of this user's brainjar processes as the book that a run's jars are admitted under. */
export function sharedLedger(
  ledger: MemoryLedger,
  readMemory: () => Promise<MachineMemory>,
): PromiseBook {
  return {
    admit: async (decide) => {
      const { value } = await ledger.admit(readMemory, (memory) => {
        const decision = decide(memory);
        return {
          value: decision.value,
          promises: decision.promisedBytes > 0
            ? [{ id: ENTRY, bytes: decision.promisedBytes }]
            : [],
        };
      });
      return value;
    },
    readMemory: async () =>
      takeOffPromises(await readMemory(), (await ledger.view()).othersUnfilledBytes),
    keep: async (promisedBytes) => {
      if (promisedBytes > 0) await ledger.reserve({ id: ENTRY, bytes: promisedBytes });
      else await ledger.release(ENTRY);
    },
  };
}
