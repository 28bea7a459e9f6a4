import type { MachineMemory } from "../budget/memory.ts";

/** A warning about a reading: the figure stands, and is the safe choice. */
export type MachineWarning = MachineMemory["warnings"][number];

/** What to do where the machine can't be read. */
export const NO_MACHINE_HINT =
  "Make it readable, or give the machine's memory with --total-memory and --available-memory";
