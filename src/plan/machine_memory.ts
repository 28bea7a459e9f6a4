import type { MachineMemory, MemorySource } from "../budget/memory.ts";
import { countOwnMemory } from "../machine/own_memory.ts";
import { readProcessMemory } from "../machine/process_memory.ts";
import { readMachineMemory } from "../machine/machine_memory.ts";
import type { OtherMachine } from "./settings.ts";

/**
 * This machine's memory for jars that aren't loaded yet, or that of the machine that was described
 * instead.
 */
export async function readMemoryOf(machine: OtherMachine | undefined): Promise<MachineMemory> {
  if (machine === undefined || (machine.totalBytes ?? machine.availableBytes) === undefined) {
    return countOwnMemory(await readMachineMemory(), ownAnonymousBytes());
  }
  const { name, totalBytes } = machine;
  const memory = totalBytes === undefined ? await readMachineMemory() : {
    totalBytes,
    reservedBytes: 0,
    sources: [{ figure: "total", name, bytes: totalBytes, decides: true } as const],
    warnings: [],
  };
  const { availableBytes = memory.totalBytes } = machine;
  return {
    ...memory,
    availableBytes,
    sources: [
      ...memory.sources.filter((source) => source.figure === "total"),
      { figure: "available", name, bytes: availableBytes, decides: true },
    ],
  };
}

/** Nothing where the system doesn't tell: then that much more is asked for. */
function ownAnonymousBytes(): number {
  try {
    return readProcessMemory().anonymousBytes;
  } catch {
    return 0;
  }
}

/**
 * This machine's memory as if it were no larger than the one described: what a run is held
 * against, since it can't use what isn't there.
 */
export function capMemory(memory: MachineMemory, machine: OtherMachine): MachineMemory {
  const { name } = machine;
  const totalBytes = Math.min(memory.totalBytes, machine.totalBytes ?? Infinity);
  const given = machine.availableBytes ?? totalBytes;
  const availableBytes = Math.min(memory.availableBytes, given, totalBytes);
  return {
    ...memory,
    totalBytes,
    availableBytes,
    sources: [
      ...decidedBy(memory, "total", name, totalBytes),
      ...decidedBy(memory, "available", name, availableBytes),
    ],
  };
}

/** A figure's sources with the given one among them, and the mark on the one that decides now. */
function decidedBy(
  memory: MachineMemory,
  figure: MemorySource["figure"],
  name: string,
  bytes: number,
): MemorySource[] {
  const sources = memory.sources.filter((source) => source.figure === figure);
  if (sources.some((source) => source.decides && source.bytes === bytes)) return sources;
  return [
    ...sources.map((source) => ({ ...source, decides: false })),
    { figure, name, bytes, decides: true },
  ];
}
