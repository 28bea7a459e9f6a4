import { takeOffReservations } from "../../ledger/sums.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { readMachineMemory } from "../../machine/machine_memory.ts";
import { memoryText } from "../../report/memory_text.ts";
import { jsonText } from "../../report/printable.ts";
import { reservationJson } from "../../report/reservation_json.ts";
import type { Command } from "../command.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const command: Command = async ({ values, output }) => {
  const ledger = new MemoryLedger();
  const { sums, othersUnfilledBytes } = await ledger.view();
  const machine = takeOffReservations(await readMachineMemory(), othersUnfilledBytes);
  output.answer(
    values.get("json")
      ? jsonText({
        schema: "brainjar.memory/1",
        ...reservationJson(machine),
        promises: sums.map(reservationJson),
        ledgerFolders: ledger.folders,
      }) + "\n"
      : memoryText(machine, sums, ledger.folders) + "\n",
  );
  return 0;
};
