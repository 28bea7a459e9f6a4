import type { JarFootprint } from "../../budget/demand.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { bytesIn, type PoolBytes, RAM } from "../../budget/pools/pools.ts";
import type { RunState } from "../run_state.ts";

/** What this process holds on devices, those left out whose driver doesn't tell. */
export function heldOnDevices({ devices = [] }: Pick<MachineMemory, "devices">): PoolBytes[] {
  return devices.flatMap(({ id, holders = [] }) => {
    const bytes = holders.find(({ isOwn }) => isOwn)?.bytes;
    return bytes === undefined ? [] : [{ id, bytes }];
  });
}

/**
 * Takes a reading for what decides from now on. What the process is seen to hold on devices fills
 * what its jars have reserved there; where it isn't seen, what they were marked with stays.
 */
export function seeMemory({ manager, memory }: RunState, now: MachineMemory): void {
  memory.current = now;
  manager.markHeldOn(heldOnDevices(now));
}

/**
 * What of a jar is on its devices before it is loaded and counted by no living jar: the backend's own
 * context, which stays until the process ends, and a model that outlived its last jar.
 */
export function foundOnDevices(
  { devices = [] }: JarFootprint,
  { manager, memory, usedDevices }: RunState,
  isLoaded: boolean,
): PoolBytes[] {
  const held = heldOnDevices(memory.current);
  return devices.map(({ id, sharedBytes, processBytes }) => {
    const isCounted = bytesIn(id, manager.reserved) > 0;
    const own = isCounted ? undefined : held.find((one) => one.id === id)?.bytes;
    const estimated = isLoaded ? sharedBytes : !isCounted && usedDevices.has(id) ? processBytes : 0;
    return { id, bytes: own ?? estimated };
  });
}

/** What jars have yet to fill on each device that they have reserved something of. */
export function unfilledOn({ manager }: Pick<RunState, "manager">): PoolBytes[] {
  return manager.reserved.filter(({ id }) => id !== RAM)
    .map(({ id }) => ({ id, bytes: manager.unfilledBytes(undefined, id) }));
}

/**
 * Notes that a jar thinks: from its first thought on it takes all of its devices that it ever does,
 * and where no driver tells how much of that is taken already, none of it is waited for twice.
 */
export function markThinking(id: string, { manager, memory }: RunState): void {
  manager.markOnDevices(id);
  manager.markHeldOn(heldOnDevices(memory.current));
}

/** What of a jar's devices it fills only once it thinks. */
export function filledByThinking({ devices = [] }: JarFootprint): PoolBytes[] {
  return devices.map(({ id, thinkingBytes = 0 }) => ({ id, bytes: thinkingBytes }));
}
