import { defined } from "../budget/defined.ts";
import { BrainjarError } from "../budget/error.ts";
import type { MachineMemory } from "../budget/memory.ts";

/** A warning about a reading: the figure stands, and is the safe choice. */
export type MachineWarning = MachineMemory["warnings"][number];

/** The error of memory that can't be read; `what` is a sentence, which goes on with the reason. */
export function memoryUnreadable(
  code: "machine-unreadable" | "control-group-unreadable",
  what: string,
  reason: string,
  cause?: unknown,
): BrainjarError {
  return new BrainjarError(code, `${what}: ${reason}`, {
    hint: "Make it readable for this process",
    ...defined({ cause }),
  });
}

/** The error of a processor that can't be read. */
export function cpuUnreadable(message: string, cause?: unknown): BrainjarError {
  return new BrainjarError("cpu-unreadable", message, {
    hint: "Name the CPU with --cpu",
    ...defined({ cause }),
  });
}
