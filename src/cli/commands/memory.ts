import { BrainjarError } from "../../budget/error.ts";
import { takeOffReservations } from "../../ledger/sums.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { readMachineMemory } from "../../machine/machine_memory.ts";
import { memoryText } from "../../report/memory_text.ts";
import { jsonText } from "../../report/printable.ts";
import { machineJson, reservationJson } from "../../report/reservation_json.ts";
import type { Command } from "../command.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const command: Command = async ({ values, output }) => {
  const ledger = new MemoryLedger();
  const { sums, othersUnfilledBytes, warnings } = await viewOf(ledger);
  const memory = takeOffReservations(await readMachineMemory(), othersUnfilledBytes);
  const machine = { ...memory, warnings: [...memory.warnings, ...warnings] };
  output.answer(
    values.get("json")
      ? jsonText({
        schema: "brainjar.memory/1",
        ...machineJson(machine),
        promises: sums.map(reservationJson),
        ledgerFolders: ledger.folders,
      }) + "\n"
      : memoryText(machine, sums, ledger.folders) + "\n",
  );
  return 0;
};

/** What is reserved; a ledger that can't be trusted or read is a warning, since the rest is known. */
async function viewOf(ledger: MemoryLedger): ReturnType<MemoryLedger["view"]> {
  try {
    return await ledger.view();
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    const message = `${error.message}; what brainjar has reserved isn't known`;
    return { sums: [], othersUnfilledBytes: 0, warnings: [{ code: error.code, message }] };
  }
}
