import { memoryText } from "../report/memory_text.ts";
import type { Command } from "./brainjar.ts";
import { openWorld } from "./world.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const memory: Command = async ({ values, output }) => {
  const world = openWorld();
  const machine = await world.readMemory();
  const promises = (await world.ledger?.view())?.sums ?? [];
  output.answer(
    values.has("json")
      ? JSON.stringify({ schema: "brainjar.memory/1", ...machine, promises }) + "\n"
      : memoryText(machine, promises) + "\n",
  );
  return 0;
};
