import { memoryText } from "../report/memory_text.ts";
import type { Command } from "./brainjar.ts";
import { openWorld } from "./world.ts";

/** `brainjar memory`: what this machine has, and where each figure comes from. */
export const memory: Command = async ({ values, output }) => {
  const machine = await openWorld().readMemory();
  output.answer(
    values.has("json")
      ? JSON.stringify({ schema: "brainjar.memory/1", ...machine }) + "\n"
      : memoryText(machine, []) + "\n",
  );
  return 0;
};
