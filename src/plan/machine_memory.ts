import { BrainjarError } from "../budget/error.ts";
import { decide, type MachineMemory } from "../budget/memory.ts";
import { countOwnMemory } from "../machine/own_memory.ts";
import { readHeldBytes } from "../machine/process_memory.ts";
import { readMachineMemory } from "../machine/machine_memory.ts";
import type { OtherMachine } from "./settings.ts";

/**
 * This machine's memory for jars that aren't loaded yet, or that of the machine that was described
 * instead.
 *
 * @param cap what this machine is to be no larger than
 * @throws {BrainjarError} `machine-unreadable`, `control-group-unreadable`, with a hint that holds
 * for every command that takes a machine's sizes.
 */
export async function readMemoryOf(
  machine: OtherMachine | undefined,
  cap?: OtherMachine,
): Promise<MachineMemory> {
  if (machine === undefined || (machine.totalBytes ?? machine.availableBytes) === undefined) {
    return await readWithOwn(cap);
  }
  const { totalBytes } = machine;
  const memory = totalBytes === undefined ? await readHere() : described(machine, totalBytes);
  const { availableBytes = memory.totalBytes } = machine;
  return {
    ...memory,
    availableBytes,
    sources: [
      ...memory.sources.filter((source) => source.figure === "total"),
      { figure: "available", name: machine.name, bytes: availableBytes, decides: true },
    ],
  };
}

/**
 * This machine's memory with what this process holds. Reading allocates some 200 KB, in a process
 * that has just started as in one that reads again, so what is held is taken from its middle.
 */
async function readWithOwn(cap: OtherMachine | undefined): Promise<MachineMemory> {
  const before = ownHeldBytes();
  const memory = await readCapped(cap, 0);
  return countOwnMemory(memory, Math.round((before + ownHeldBytes()) / 2));
}

/**
 * This machine's memory as it is now, as if it were no larger than the one described. Where it can't
 * be read and both sizes were given, they are taken for it, with a warning.
 *
 * @param grownBytes what this process has filled since they were given: it is missing from them
 */
export async function readCapped(
  cap: OtherMachine | undefined,
  grownBytes: number,
): Promise<MachineMemory> {
  if (cap === undefined) return await readHere();
  try {
    return capMemory(await readHere(), cap, grownBytes);
  } catch (error) {
    const { totalBytes, availableBytes } = cap;
    const isGiven = totalBytes !== undefined && availableBytes !== undefined;
    if (!isGiven || !isUnreadable(error)) throw error;
    const memory = described(cap, totalBytes);
    const warning = { code: error.code, message: `${error.message}; the sizes given are taken` };
    return capMemory({ ...memory, warnings: [warning] }, cap, grownBytes);
  }
}

/** A machine of which nothing is known but its size. */
function described({ name }: OtherMachine, totalBytes: number): MachineMemory {
  return {
    totalBytes,
    availableBytes: totalBytes,
    reservedBytes: 0,
    sources: [{ figure: "total", name, bytes: totalBytes, decides: true }],
    warnings: [],
  };
}

async function readHere(): Promise<MachineMemory> {
  try {
    return await readMachineMemory();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const { code, message, hint, kind, cause } = error;
    throw new BrainjarError(code, message, {
      hint: `${hint}, or give both --total-memory and --available-memory`,
      kind,
      cause,
    });
  }
}

function isUnreadable(error: unknown): error is BrainjarError {
  return error instanceof BrainjarError &&
    (error.code === "machine-unreadable" || error.code === "control-group-unreadable");
}

/** Nothing where the system doesn't tell: then that much more is asked for. */
export function ownHeldBytes(): number {
  try {
    return readHeldBytes();
  } catch {
    return 0;
  }
}

/**
 * This machine's memory as if it were no larger than the one described: what a run is held
 * against, since it can't use what isn't there.
 *
 * @param grownBytes what this process has filled since the sizes were given
 */
export function capMemory(
  memory: MachineMemory,
  machine: OtherMachine,
  grownBytes = 0,
): MachineMemory {
  const { name } = machine;
  const totalBytes = Math.min(memory.totalBytes, machine.totalBytes ?? Infinity);
  const given = Math.max(0, (machine.availableBytes ?? totalBytes) - grownBytes);
  return {
    ...memory,
    ...decide([
      ...memory.sources,
      ...(machine.totalBytes === undefined
        ? []
        : [{ figure: "total" as const, name, bytes: machine.totalBytes }]),
      { figure: "available" as const, name, bytes: given },
    ], memory.reservedBytes),
  };
}
