import { takeOffPromises } from "../../ledger/admission.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { readMachineMemory } from "../../machine/read.ts";
import { memoryText } from "../../report/memory_text.ts";
import type { Command } from "../command.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const command: Command = async ({ values, output }) => {
  const { sums: promises, othersUnfilledBytes } = await new MemoryLedger().view();
  const machine = takeOffPromises(await readMachineMemory(), othersUnfilledBytes);
  output.answer(
    values.get("json")
      ? JSON.stringify({ schema: "brainjar.memory/1", ...machine, promises }) + "\n"
      : memoryText(machine, promises) + "\n",
  );
  return 0;
};
