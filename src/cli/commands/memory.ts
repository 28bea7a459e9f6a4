import { BrainjarError } from "../../budget/error.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { takeOffReservations } from "../../ledger/sums.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { loadModule } from "../../load_module.ts";
import { mayHaveDevices } from "../../machine/devices/presence.ts";
import { readMachineMemory } from "../../machine/machine_memory.ts";
import { memoryText } from "../../report/memory_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import { machineJson, reservationSumJson } from "../../report/reservation_json.ts";
import type { Command } from "../command.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const command: Command = async ({ values, output }) => {
  const ledger = new MemoryLedger();
  const read = await withDevices(await readMachineMemory());
  const { sums, othersUnfilledBytes, othersUnfilledOn, warnings } = await viewOf(ledger, read);
  const memory = takeOffReservations(read, othersUnfilledBytes, othersUnfilledOn);
  const machine = { ...memory, warnings: [...memory.warnings, ...warnings] };
  if (output.answersTerminal && !values.get("json") && !values.get("full")) {
    await output.answerParagraphs(await short(machine));
    return 0;
  }
  output.answer(
    values.get("json")
      ? jsonText({
        schema: "brainjar.memory/1",
        ...machineJson(machine),
        promises: sums.map(reservationSumJson),
        ledgerFolders: ledger.folders,
      }) + "\n"
      : memoryText(machine, sums, ledger.folders) + "\n",
  );
  return 0;
};

async function short(machine: MachineMemory): Promise<Paragraph[]> {
  const { memoryShort } = await loadModule<typeof import("../../report/short/memory_short.ts")>(
    import.meta,
    "../../report/short/memory_short.ts",
  );
  const where = "Where each figure was read, and who reserves what: add --full";
  return [...memoryShort(machine), { words: [{ style: "dim", text: where }] }];
}

/** With every device of this machine, whatever the installed engine drives. */
async function withDevices(memory: MachineMemory): Promise<MachineMemory> {
  if (!mayHaveDevices()) return memory;
  const { readDevices } = await loadModule<
    typeof import("../../machine/devices/read_devices.ts")
  >(import.meta, "../../machine/devices/read_devices.ts");
  const { devices, leftOut, warnings } = await readDevices({ holders: true });
  return {
    ...memory,
    ...(devices.length > 0 ? { devices } : {}),
    ...(leftOut.length > 0 ? { leftOut: [...memory.leftOut ?? [], ...leftOut] } : {}),
    warnings: [...memory.warnings, ...warnings],
  };
}

/** What is reserved; a ledger that can't be trusted or read is a warning, since the rest is known. */
async function viewOf(
  ledger: MemoryLedger,
  { devices }: MachineMemory,
): ReturnType<MemoryLedger["view"]> {
  try {
    return await ledger.view(devices);
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    const message = `${error.message}; what brainjar has reserved isn't known`;
    const warnings = [{ code: error.code, message }];
    return { sums: [], othersUnfilledBytes: 0, othersUnfilledOn: new Map(), warnings };
  }
}
